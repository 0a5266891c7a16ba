"""What a person at the desk sees, in a real browser."""

from datetime import date
from random import Random

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import Engine

from tests.dashboard.conftest import Books, Watch, free_port, serving
from tests.dashboard.rows import AGENCIES, BANKS, at

HOSTILE = '<script>alert("in")</script> "><img src=x onerror=alert(1)> {{ 7*7 }} \u202egnp.exe'


async def fen(page: Page, figure: str) -> int:
    return int(await page.get_attribute(f"[data-k={figure}] .exact", "data-fen") or "")


def yuan(text: str) -> int:
    """Fen of what a cell shows; a dash is nothing."""
    return 0 if text.strip() == "—" else int(text.replace(",", "").replace(".", ""))


async def column(page: Page, table: str, place: int) -> list[int]:
    cells = await page.locator(f"#part-{table} tbody tr td.num:nth-child({place})").all_inner_texts()
    return [yuan(cell.split("\n")[0]) for cell in cells]


async def test_the_large_figures_are_the_sums_of_the_rows(books: Books, desk: str, watch: Watch) -> None:
    page = await watch(desk)
    rows = books.rows
    assert await fen(page, "due") == rows.due
    assert await fen(page, "requested") == sum(rows.requested.values())
    assert await fen(page, "collected") == rows.collected + rows.received
    assert await fen(page, "open") == rows.open
    assert await fen(page, "suspense") == rows.suspense
    assert await fen(page, "arrears") == 0


async def test_tables_add_up_to_the_large_figures(books: Books, desk: str, watch: Watch) -> None:
    page = await watch(desk)
    rows = books.rows
    assert sum(await column(page, "agencies", 2)) == rows.due
    assert sum(await column(page, "agencies", 3)) == rows.collected
    assert sum(await column(page, "agencies", 4)) == rows.received
    assert sum(await column(page, "agencies", 5)) == rows.open
    assert await page.locator("#part-agencies tbody tr").count() == len(AGENCIES)
    assert await page.locator("#part-banks tbody tr").count() == 2 * len(BANKS)
    first_posted = page.locator("#part-banks tr[data-k=BOC-1]")
    amounts = [yuan(text.split("\n")[0]) for text in await first_posted.locator("td.num").all_inner_texts()]
    assert amounts[0] == amounts[1] + amounts[2] + amounts[3], "requested = arrived + not arrived + awaited"
    await expect(first_posted).to_contain_text("已入账")
    await expect(page.locator("#part-banks tr[data-k=ICBC-1]")).to_contain_text("入账中")
    await expect(page.locator("#part-banks tr[data-k=CCB-1]")).to_contain_text("已送盘")


async def test_each_fund_has_its_bar_in_statutory_order(desk: str, watch: Watch) -> None:
    page = await watch(desk)
    assert await page.locator("#part-funds .head b").all_inner_texts() == ["养老", "失业", "工伤", "生育"]


async def test_the_timeline_tells_what_is_done_in_hand_and_next(books: Books, desk: str, watch: Watch) -> None:
    page = await watch(desk)
    states = await page.locator(".steps li").evaluate_all("all => all.map(each => each.className.split(' ')[0])")
    assert states == ["done", "done", "done", "due", "next", *["waiting"] * 5]
    await expect(page.locator(".steps .due")).to_contain_text("1/3 家银行")
    await expect(page.locator(".steps .next")).to_contain_text("还有 17 天")  # 12-04 11:30 to 12-21 12:00
    assert await page.locator("[aria-current=step]").count() == 1


async def test_it_speaks_chinese_and_on_demand_english(desk: str, watch: Watch) -> None:
    page = await watch(desk)
    await expect(page.locator("h1")).to_contain_text("结算台")
    await expect(page.locator("#part-timeline")).to_contain_text("财表七")
    assert await page.get_attribute("html", "lang") == "zh-CN"
    await page.click("#language")
    await page.wait_for_selector("#live.on")
    await expect(page.locator("h1")).to_contain_text("Settlement desk")
    await expect(page.locator("#part-timeline")).to_contain_text("City batch")
    assert await page.get_attribute("html", "lang") == "en"
    await page.click("#language")
    await expect(page.locator("h1")).to_contain_text("结算台")


async def test_a_period_and_a_language_are_an_address(desk: str, watch: Watch) -> None:
    page = await watch(f"{desk}?period=2026-11&lang=en")
    await expect(page.locator("#period")).to_have_value("2026-11")
    assert await fen(page, "due") == 0
    await page.select_option("#period", "2026-12")
    await page.wait_for_url("**period=2026-12&lang=en")
    assert await fen(page, "due") > 0


async def test_what_is_written_appears_without_a_reload(books: Books, desk: str, watch: Watch) -> None:
    page = await watch(desk)
    await page.evaluate("window.same = true")
    before = books.rows.collected

    def post(rows: object) -> None:
        books.rows.post("ICBC", 1)
        books.rows.step("posting", at(4, 11, 45), 1, "ICBC")
        books.rows.clock(at(4, 11, 45))

    books.write(post)
    assert books.rows.collected > before
    exact = page.locator("[data-k=collected] .exact")
    await expect(exact).to_have_attribute("data-fen", str(books.rows.collected + books.rows.received))
    await expect(page.locator("#part-header .clock")).to_contain_text("11:45")
    await expect(page.locator("#part-banks tr[data-k=ICBC-1]")).to_contain_text("已入账")
    await expect(page.locator(".events li").first).to_contain_text("回款入账")
    assert await page.evaluate("window.same") is True


async def test_a_period_that_is_not_asked_for_is_followed(books: Books, desk: str, watch: Watch) -> None:
    page = await watch(desk)

    def close(_rows: object) -> None:
        books.rows.close()
        books.rows.step("month-close", at(31, 23))
        books.rows.clock(at(31, 23))

    books.write(close)
    await expect(page.locator("[data-k=arrears] .exact")).to_have_attribute("data-fen", str(books.rows.arrears))
    await expect(page.locator("#part-header")).to_contain_text("已月结")


async def test_hostile_words_are_words(books: Books, desk: str, watch: Watch) -> None:
    page = await watch(desk)
    books.write(lambda rows: rows.work_item(HOSTILE, at(4, 11), file='"><script>alert(2)</script>'))
    item = page.locator(".items li").first
    await expect(item.locator(".summary")).to_have_text(HOSTILE.replace("\u202e", "\ufffd"))
    assert await page.locator("main script, main img").count() == 0
    again = await watch(desk)
    await expect(again.locator(".items li").first.locator(".summary")).to_contain_text("<script>alert")


async def test_no_account_is_shown_whole(books: Books, desk: str, watch: Watch) -> None:
    books.write(lambda rows: rows.work_item("第 3 行 账号 6222020200112233445 不符", at(4, 11)))
    page = await watch(desk)
    await expect(page.locator(".items li").first).to_contain_text("····3445")
    text = await page.content()
    assert "6222020200112233445" not in text
    assert "某某公司" not in text, "units are told by number only"


async def test_without_a_broker_the_page_goes_on_and_says_so(books: Books, desk: str, watch: Watch) -> None:
    page = await watch(desk)
    await expect(page.locator("#part-flow")).to_contain_text("消息总线暂时连不上")
    books.write(lambda rows: rows.work_item("新的一件", at(4, 11)))
    await expect(page.locator(".items li").first).to_contain_text("新的一件")


async def test_it_comes_back_by_itself(books: Books, reading: Engine, watch: Watch) -> None:
    port = free_port()
    async with serving(reading, port=port) as address:
        page = await watch(address, quiet=False)  # the browser reports refused connections on the console
    await page.wait_for_selector("#live.off")
    books.write(lambda rows: rows.work_item("断线时的一件", at(4, 11)))
    async with serving(reading, port=port):
        await page.wait_for_selector("#live.on")
        await expect(page.locator(".items li").first).to_contain_text("断线时的一件")


async def test_focus_and_place_survive_what_comes_in(books: Books, desk: str, watch: Watch) -> None:
    page = await watch(desk)
    await page.focus("#language")
    books.write(lambda rows: rows.clock(at(4, 12)))
    await expect(page.locator("#part-header .clock")).to_contain_text("12:00")
    assert await page.evaluate("document.activeElement.id") == "language"


async def test_the_keyboard_reaches_everything(desk: str, watch: Watch) -> None:
    page = await watch(desk)
    reached = []
    for _ in range(5):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert reached == ["skip", "period", "language", "scroll", "scroll"]


@pytest.mark.parametrize("width", [1280, 800])
async def test_nothing_sticks_out(desk: str, watch: Watch, width: int) -> None:
    page = await watch(desk, viewport={"width": width, "height": 900})
    assert await page.evaluate("document.documentElement.scrollWidth") == width


CONTRAST = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c; }
    return [255, 255, 255]; };
  const weak = [];
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) weak.push(`${e.className} ${e.textContent.trim().slice(0, 20)} ${ratio.toFixed(2)}`);
  }
  return weak;
}"""  # noqa: E501


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_word_stands_out_from_its_ground(books: Books, desk: str, watch: Watch, scheme: str) -> None:
    books.write(lambda rows: (rows.close(), rows.work_item("一件", at(4, 11))))
    page = await watch(desk, color_scheme=scheme, reduced_motion="reduce")
    assert await page.evaluate(CONTRAST) == []


async def test_a_whole_month_ends_with_due_equal_to_what_came_and_arrears(
    books: Books, desk: str, watch: Watch, seed: int
) -> None:
    page = await watch(desk)

    def rest_of_the_month(_rows: object) -> None:
        rows = books.rows
        rows.answer("CCB", 1, at(4, 15))
        for bank in ("CCB", "ICBC"):
            rows.post(bank, 1, failing=Random(seed).random() / 2)
            rows.step("posting", at(4, 16), 1, bank)
        rows.declare(2)
        for bank in BANKS:
            if any(bill.bank == bank and bill.came != bill.due for bill in rows.bills):
                rows.batch(bank, 2, date(2026, 12, 21))
                rows.send(bank, 2, at(21, 14))
                rows.answer(bank, 2, at(21, 19))
                rows.post(bank, 2, failing=0.5)
        rows.close()
        rows.step("month-close", at(31, 23))

    books.write(rest_of_the_month)
    rows = books.rows
    await expect(page.locator("[data-k=arrears] .exact")).to_have_attribute("data-fen", str(rows.arrears))
    collected, arrears = await fen(page, "collected"), await fen(page, "arrears")
    assert await fen(page, "due") == collected + rows.suspense + arrears
    assert await fen(page, "open") == rows.open
