#!/usr/bin/env bash
# What the hub needs from the system: a Java runtime for the embedded broker, Maven to fetch its jars, an OpenSSH server
# for the simulated banks; for the tests of the desk a Chromium with Chinese letters. Installs by apt what is missing when
# it may (root on Debian and its kin), else says in one line what to install.
set -euo pipefail

java_major() {
  local java
  java=${JAVA_HOME:+$JAVA_HOME/bin/java}
  [ -x "$java" ] || java=$(command -v java || true)
  if [ -n "$java" ]; then
    "$java" -version 2>&1 | sed -n 's/.*version "\(1\.\)\?\([0-9]*\).*/\2/p' | head -n 1
  fi
}

has_server() { command -v sshd >/dev/null || [ -x /usr/sbin/sshd ]; }
has_browser() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }
has_letters() { command -v fc-list >/dev/null && [ -n "$(fc-list :lang=zh 2>/dev/null | head -n 1)" ]; }

find_missing() {
  needed=() wished=()
  local java
  java=$(java_major)
  [ "${java:-0}" -ge 17 ] || needed+=("$java_package")
  command -v mvn >/dev/null || needed+=(maven)
  has_server || needed+=(openssh-server)
  has_browser || wished+=(chromium)
  has_letters || wished+=(fonts-noto-cjk fontconfig)
}

java_package=openjdk-17-jdk-headless
find_missing
if [ ${#needed[@]} -eq 0 ] && [ ${#wished[@]} -eq 0 ]; then exit 0; fi

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Debian 12 brings Java 17, Debian 13 Java 21.
  if ! apt-cache show "$java_package" >/dev/null 2>&1; then java_package=default-jdk-headless; find_missing; fi
  echo "Installing by apt: ${needed[*]} ${wished[*]}"
  apt-get install -y -qq --no-install-recommends "${needed[@]}" "${wished[@]}" >/dev/null
  find_missing
fi

if [ ${#wished[@]} -gt 0 ]; then echo "For the tests of the web desk install: ${wished[*]}" >&2; fi
if [ ${#needed[@]} -gt 0 ]; then
  echo "Install first: ${needed[*]}   (as root: apt-get install ${needed[*]} ${wished[*]})" >&2
  exit 1
fi
