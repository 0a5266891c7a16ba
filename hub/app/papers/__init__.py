"""Forms as papers: one layout of a filled-in form (``layout``), written as a workbook (``xlsx``) or as pages (``pdf``)."""
