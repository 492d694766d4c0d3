"""Strings that break software, all our own, by kind. Every string field takes each of them as it is, or refuses it."""

# ruff: noqa: E501, RUF001  # tables: one kind a paragraph, characters that look like others on purpose

from __future__ import annotations

import unicodedata


def _each(*texts: str) -> tuple[str, ...]:
    return texts


_FIRST_OF = {
    "Lu": "Ǆ", "Ll": "ſ", "Lt": "ǅ", "Lm": "ʰ", "Lo": "ﷺ", "Mn": "a\u0327", "Mc": "क\u093e", "Me": "a\u20dd", "Nd": "٣", "Nl": "Ⅷ", "No": "①", "Pc": "‿", "Pd": "⸺", "Ps": "༺", "Pe": "༻",
    "Pi": "‟", "Pf": "›", "Po": "‽", "Sm": "∰", "Sc": "₿", "Sk": "꜀", "So": "㋿", "Zs": "\u3000", "Zl": "\u2028", "Zp": "\u2029", "Cc": "\x85", "Cf": "\u00ad", "Co": "\ue123", "Cn": "\U000e0fff",
}  # fmt: skip

_WORDS = _each(
    "é",
    "ﬁ",
    "ẛ̣",
    "Å",
    "Ω",
    "가",
    "각",
    "ｶﾞ",
    "²",
    "½",
    "㎏",
    "ﷺ",
    "ẞ",
    "ß",
    "İ",
    "ı",
    "I",
    "ΐ",
    "ŉ",
    "ǰ",
    "ﬃ",
    "ﬅ",
    "Σς",
    "ᾳ",
    "ⅷ",
    "Ⓐ",
    "ａ",
    "Ą̊",
    "ệ",
    "q̣̇",
)
_FORMS = tuple(dict.fromkeys(
    unicodedata.normalize(form, text) for text in _WORDS for form in ("NFC", "NFD", "NFKC", "NFKD")
))  # fmt: skip
_CASED = tuple(dict.fromkeys(
    turn(text) for text in ("Straße", "İstanbul", "ıIiİ", "ΌΔΟΣ", "ŉ", "ﬀ", "Ǆǆǅ", "ᏸᏰ", "Ꭰꭰ", "𐐀𐐨", "K", "Å", "ſ", "ẖ") for turn in (str.lower, str.upper, str.casefold, str.title, str)
))  # fmt: skip

BLANK = _each(
    "", " ", "  ", "\t", "\n", "\r\n", "\r", "\x0b", "\x0c", " \t\r\n ", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2007", "\u2009", "\u200a", "\u202f", "\u205f", "\u3000", "\u2800", "\u3164", "\u115f",
    "\u180e", "\ufeff", "\u200b", "a\u00a0b", " a", "a ", "a\n", "\na", "a\r", "a\tb", "a\u2028b", "a\u2029b", "a\x85b", "a\u200bb",
)  # fmt: skip
INVISIBLE = _each(
    "\u200b\u200b", "\u200c", "\u200d", "\u2060", "\u2061", "\u2062", "\u2064", "\u034f", "\u00ad", "a\u00adb", "\ufe00", "\ufe0e", "\ufe0f", "\U000e0100", "\U000e01ef", "\u180b", "\u061c", "\ufff9a\ufffab\ufffb", "\ufffc",
    ".g\u200cit", "con\u200b", "ad\u200dmin", "\u2063\u2063", "\U0001d173", "x\ufeffy", "\u206a\u206f",
)  # fmt: skip
DIRECTIONS = _each(
    "\u202eabc", "\u202dabc\u202c", "\u200fabc", "\u200eאבג", "\u2067abc\u2069", "\u2066\u2068", "\u202e\u202e\u202e", "file\u202egpj.exe", "אבג abc 123 דהו", "שָׁלוֹם", "مرحبا بالعالم", "ﻼ", "لا إله", "abc\u0590def",
    "\u202a\u202b\u202c\u202d\u202e", "(א)", "[ב]{ג}", "‏10%‏", "مصر 2026-01-31", "\u2069", "ܫܠܡܐ", "ߒߞߏ", "𞤀𞤁", "\u202a" * 63, "/א/b/ג", "https://א.example/ב",
)  # fmt: skip
EMOJI = _each(
    "😀", "❤️", "❤", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🏴‍☠️", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "🇦🇹", "🇦", "🇦🇹🇩", "1️⃣", "#️⃣", "©️", "👨🏿‍🦽‍➡️", "🧑🏻‍❤️‍💋‍🧑🏿", "🫱🏻‍🫲🏿", "‍", "🏻", "👩‍", "️⃣", "🀄︎", "☠︎", "🎅🏼🎅🏽", "🐻‍❄️", "😶‍🌫️", "🇺🇳🇪🇺", "👁️‍🗨️", "🟰", "🫨",
    "\U0001fae9", "\U0001f3fb\U0001f3fc", "a😀b", "😀" * 30, "\U0001f468\U0001f3fb\u200d\U0001f91d\u200d\U0001f468\U0001f3ff",
)  # fmt: skip
STACKS = _each(
    "Z̷̡͎a̴͔͝l̸͉̈g̵̯̀ơ̷", "e" + "\u0301" * 10, "e" + "\u0301" * 200, "o" + "\u0316\u0301" * 50, "\u0301", "\u0301\u0301", "\u0327a", "a\u0345\u0301", "ก็็็็็็็", "ด้้้้้็็็็็", "क्\u200dष", "க்ஷ", "ស្រ្តី", "नि", "\u0488a", "a\u20e3", "H\u0335\u0321\u031b", "\u1ab0" * 20,
    "각각", "ᄀᄀᄀ각ᆨᆨ", "\u1100" * 40, "\ud7b0\ud7cb", "ᅟᅠ", "\u302a中", "が", "か\u3099", "は\u309a", "\u0f71\u0f72\u0f74", "\u0e33", "\u0b95\u0bca",
)  # fmt: skip
CONTROLS = tuple(f"a{chr(code)}b" for code in (*range(1, 9), *range(14, 32), 0x7F, 0x80, 0x81, 0x8D, 0x90, 0x9B, 0x9F)) + _each(
    "\x00", "a\x00b", "\x00\x00\x00", "a\x00.txt", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "\x08\x08\x08", "a\x7f\x7f", "\x1b[2J", "\x1bc", "\x07" * 20, "\x1a", "\x04", "\x16\x16",
)  # fmt: skip
UNASSIGNED = _each(
    "\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U0001ffff", "\U000ffffe", "\U0010fffe", "\U0010ffff", "\ue000", "\uf8ff", "\U000f0000", "\U0010fffd", "\u0378", "\U000e0001", "\U000e0041\U000e0042", "\U000e007f",
    "\U000e0fff", "\U0003134b", "\ufffd", "\ufffd\ufffd", "Ã¤Ã¶", "â\x80\x99", "ï»¿", "锟斤拷", "烫烫烫", "\u2fff", "\u0870", "\U0001faff", "\uabff",
)  # fmt: skip
SURROGATES = _each(
    "\ud800", "\udbff", "\udc00", "\udfff", "a\ud800b", "\udc00\ud800", "\ud83d", "\ude00", "\ud83da\ude00", "😀\ud83d", "\ud800" * 50, "\udcff", "\udc80\udc81", "/\ud800", "x\udfffy", "\ud83d\u200d\ude00",
)  # fmt: skip
FORMATS = _each(
    "%s", "%d", "%n", "%x%x%x%x", "%s%s%s%s%s%s", "%(name)s", "%(", "%%", "%", "%1$s", "%999999999d", "%.1000000f", "%c", "%@", "%p", "%-", "{0}", "{}", "{name}", "{0.__class__}", "{0.__class__.__mro__}", "{!r}", "{:>999999999}", "{", "}", "}{",
    "{{}}", "${name}", "$name", "$1", "$$", "$", "$(name)", "#{name}", "#{7*7}", "@{name}", "<%= 7 %>", "\\1", "\\g<0>", "\\g<name>", "\\u0041", "\\x41", "\\n", "\\", "\\\\", "\\0", "\\N{BULLET}", ":name", "?", "??", "~", "!!", "&1", "[0]", "*", "**", "???",
)  # fmt: skip
SQL = _each(
    "'", "''", "\"", "\"\"", "`", "';--", "' OR '1'='1", "\" OR \"\"=\"", "1; DROP TABLE sites", "'); DELETE FROM pages; --", "' UNION SELECT null --", "admin'/*", "*/", "/**/", "--", "-- -", "#", "\\'", "\\' OR 1=1 --", "1' AND SLEEP(9)--",
    "';SELECT pg_sleep(9);--", "x' || 'y", "%' OR '%'='", "_", "__", "a_b%c", "\\%", "\\_", "E'\\x41'", "$$a$$", "$tag$a$tag$", "0x27", "NULL", "null", "Null", "DEFAULT", "'||(SELECT 1)||'", "1e0or 1", "\u02bc OR 1=1", "\uff07 OR 1=1", "ESCAPE '\\'", "GLOB '*'", "json('[]')",
)  # fmt: skip
SHELL = _each(
    "; ls", "| cat", "&& true", "|| true", "& calc", "`id`", "$(id)", "$((1+1))", "${IFS}", "$HOME", "$PATH", "> out", "< in", ">> out", "2>&1", "\\\n", "!!", "!$", "~root", "-rf", "--help", "--", "-", "-n", "@file", "a;b", "'$(id)'", "\"`id`\"", "() { :;}; echo", "%PATH%",
    "%COMSPEC%", "!VAR!", "^", "a & b", "$env:PATH", "*", "?", "[a-z]", "{a,b}", "{1..999999}", "\t;id", "\n id", "#!/bin/sh", "$'\\x41'", "<<EOF", "<(id)",
)  # fmt: skip
HTML = _each(
    "<", ">", "&", "<>", "</", "<!", "<!--", "-->", "<![CDATA[", "]]>", "<b>x</b>", "<script>alert(1)</script>", "</script>", "</title>", "</style>", "</textarea>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<svg/onload=alert(1)>", "\"><script>", "'><script>",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)", "data:text/html,<script>", "vbscript:x", "&lt;b&gt;", "&#60;b&#62;", "&#x3c;", "&amp;lt;", "&nbsp;", "&", "&&", "&a", "&#0;", "&#x110000;", "&#xd800;",
    "&unknown;", "&lt", "<a href='javascript:x'>", "<iframe srcdoc='<script>'>", "<base href=//e.example>", "<meta http-equiv=refresh content=0>", "<x onclick=1>", "<scr<script>ipt>", "<IMG \"\"\"><SCRIPT>", "<math><mi xlink:href=x>", "\u2028alert(1)", "＜script＞", "<\x00script>", "<p style=x:expression(1)>", "<!DOCTYPE a>", "<?xml?>", "<?php ?>", "<h1><h1>", "<template><slot>",
)  # fmt: skip
TEMPLATES = _each(
    "{{ 7*7 }}", "{{7*'7'}}", "{% raw %}", "{% endraw %}", "{% include '/etc/passwd' %}", "{% for x in range(999999999) %}", "{% endfor %}", "{{ config }}", "{{ self }}", "{{ ''.__class__ }}", "{{ page.body }}", "{{", "}}", "{%", "%}", "{#", "#}", "{# a #}", "{{ x|safe }}", "{%- if 1 -%}",
    "{{{x}}}", "<%= x %>", "<% x %>", "${7*7}", "#{7*7}", "*{7*7}", "@{7*7}", "[[${7*7}]]", "{{constructor.constructor('x')()}}", "{{= x }}", "[% x %]", "{$x}", "@(1+1)", "~{x}", "{{ range . }}", "{{< figure >}}", "{{% note %}}", "{:toc}", "{: .a #b}", "[TOC]", "[[wiki]]", "{{ cycler.__init__ }}", "%{x}", "<#assign x=1>", "#set($x=1)",
)  # fmt: skip
MARKDOWN = _each(
    "# a", "a\n===", "---", "***", "* a", "1. a", "> a", "    code", "```", "~~~", "`", "``", "**", "__a__", "_a", "[a](b)", "[a](javascript:x)", "![a](b)", "[a]: b", "[a][b]", "[^1]", "<http://a.example>", "a  \nb", "| a | b |\n|---|---|", "- [ ] a", "- [x] a", "\\*", "&copy;", "<b>", "[", "]", "![", "](", "*a_b*c_", "!!! note", ":::", "$$x$$", "*[a]: b",
)  # fmt: skip
TABLES = _each(
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://e.example")',
    "\t=1",
    "\r=1",
    ",",
    ";",
    "a,b",
    '"a""b"',
    'a"b',
    "'=1",
    "|",
    "a|b",
    "=1\n=2",
    "％=1",
    "=IMPORTXML(1)",
    "{=1}",
    "\ufeff=1",
)
PATHS = _each(
    "/", "//", "///", ".", "..", "...", "/.", "/..", "./a", "../a", "../../../../etc/passwd", "/etc/passwd", "a/../b", "a/./b", "a//b", "a/", "/a", "/a/", "/a//", "a\\b", "\\", "\\\\server\\share", "C:", "C:\\a", "c:/a", "file:///a", "~", "~/a", "%2e%2e%2f", "%2e", "..%2f", "..%5c", "%00", "%", "%zz", "%c0%ae",
    "a%20b", "a+b", "a b", "a?b", "a#b", "a;b", "a&b", "a=b", "a:b", "a*b", "a|b", "a<b", "a\"b", "a'b", ".git", ".git/config", ".GIT", "git~1", ".htaccess", ".env", ".well-known/x", "a.", "a ", "a...", " a", "a.txt::$DATA", "a:b:c", "/a/b/c/d/e", "/index.html", "/404", "/robots.txt", "/sitemap.xml", "/_assets/x",
    "/dev/null", "/proc/self/environ", "a/" * 100 + "b", "/" + "a" * 255, "/" + "ä" * 200, "/A", "/a\u0301", "/\u00e1", "/ﬁ", "/ß", "/İ", "／", "∕", "⁄", "․․/", "‥/", "．．／", "/\u202e", "/\u200b", "/a\nb", "/a\tb", "/a\x7f", "/😀", "/中文/页面", "/привет/мир", "/{{x}}", "/*", "/:splat", "/a/:b/*",
)  # fmt: skip
RESERVED = _each(
    "con", "CON", "con.txt", "prn", "aux", "nul", "NUL.html", "com1", "com0", "COM¹", "lpt9", "lpt1.a.b", "conin$", "clock$", "desktop.ini", "thumbs.db", ".DS_Store", "me", "quota", "pages", "site", "api", "zone", "www", "admin", "root", "null", "undefined", "true", "false", "none", "None", "nil", "NaN", "Infinity", "-Infinity",
    "constructor", "__proto__", "prototype", "toString", "hasOwnProperty", "__init__", "__class__", "self", "this", "default", "id", "index", "new", "content", "html", "path", "type", "config", "body", "errors", "localhost", "127.0.0.1", "[::1]", "0", "xn--a", "xn--", "a--b", "-a", "a-", "a_b", "a.b",
)  # fmt: skip
NUMBERS = _each(
    "0", "-0", "00", "01", "1", "-1", "+1", "1.0", "1.", ".5", "1e5", "1E400", "-1e400", "0x10", "0b1", "0o7", "1_000", "1,000", "1 000", "1'000", "9007199254740993", "99999999999999999999", "2147483648", "-2147483649", "9" * 400, "1/2", "½", "٣", "３", "Ⅷ", "一", "1e", "NaN", "inf", "∞", "−1", "1%", "$1", "0.1.2", "1-1", "1" + "0" * 4300,
)  # fmt: skip
TIMES = _each(
    "2026-01-31", "2026-02-30", "2026-13-01", "0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "-0001-01-01", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31t12:00:00z", "2026-01-31T24:00:00Z", "2026-01-31T23:59:60Z", "2026-01-31T12:00:00+99:99", "2026-01-31T12:00:00.123456789Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "2026-W05-6", "2026-031", "31.1.2026", "1/31/2026", "yesterday", "now", "1769860800", "12:00", "T12:00Z", "P1D", "R5/2026-01-31/P1D", "Sat, 31 Jan 2026 12:00:00 GMT", "2026-01-31T12:00:00Z\n", "２０２６-01-31", "2026\u201001\u201031", "令和8年1月31日", "2026-01-31T12:00:00\u221201:00",
)  # fmt: skip
ADDRESSES = _each(
    "http://", "https://", "http://a", "https://a.example/ä?b=c#d", "http://a:b@c.example/", "http://a:99999/", "http://[::1]/", "http://[", "http://2130706433/", "http://0x7f.1/", "http://①②⑦.0.0.1/", "http://ⓔxample/", "//a.example", "///a", "/\\a.example", "\\\\a", "http:/a", "http:a", "HTTP://A.EXAMPLE", "ftp://a", "file:///a", "mailto:a@b.example", "tel:1",
    "about:blank", "blob:x", "http://a b/", "http://a\n/", "http://a\t/", "http://a/\\b", "http://a?b", "http://a#b", "http://?", "http://#", "http://a.example/%zz", "http://a.example/\u202e", "http://xn--a/", "http://a..b/", "http://-a/", "http://" + "a" * 300, "?a=b", "#a", "a@b.example", "\"a b\"@c.example", "a@", "@b", "a@b@c",
)  # fmt: skip
LANGUAGES = _each(
    "en",
    "EN",
    "de-AT",
    "zh-Hant-TW",
    "x",
    "x-klingon",
    "i-default",
    "en-",
    "-en",
    "en--us",
    "en_US",
    "en-US-u-ca-gregory",
    "abcdefghi",
    "en-abcdefghi",
    "*",
    "en;q=0.5",
    "en,de",
    "de-at-1996",
    "äö",
    "e n",
    "und",
    "mul",
    "zxx",
    "en\n",
)
LONG = _each(
    "a" * 255, "a" * 256, "a" * 4096, "a" * 4097, "a" * 8192, "a" * 8193, "ä" * 4096, "😀" * 4096, "a-" * 2047 + "a", "-" * 300, " " * 5000, "\n" * 5000, "<" * 4096, "&" * 4096, "\"" * 4096, "\\" * 4096, "%" * 4096, "[" * 2000, "(" * 2000, "ﷺ" * 2000, "\u0301" * 2000, "a\u0301" * 2000, "/" + "a/" * 4000, "x" * 70_000, "{{" * 2000,
    "a" * 63, "a" * 64, "\u200b" * 4096, "1" * 4096, "क्" * 1000,
)  # fmt: skip
WRITING = _each(
    "Größe", "Ελληνικά", "Русский", "Українська", "עברית", "العربية", "فارسی", "हिन्दी", "தமிழ்", "ไทย", "ລາວ", "မြန်မာ", "ភាសាខ្មែរ", "한국어", "日本語", "简体中文", "繁體中文", "ქართული", "Հայերեն", "አማርኛ", "ᏣᎳᎩ", "ᐃᓄᒃᑎᑐᑦ", "ᛏᚢᚱᛁᛋ", "𐎀𐎁", "𒀀𒁀", "𓂀𓃒", "𐌰𐌱", "𝔘𝔫𝔦", "𝟘𝟙", "ʇxǝʇ", "Ⓐⓑ", "ⓐ⒜", "ｆｕｌｌ", "ﾊﾝｶｸ", "㍿", "꧅", "﷽", "𪚥", "𠜎", "葛󠄀", "辻", "İIıi", "Dž", "nj",
    "smÖrgåsbord", "naïve", "“quoted”", "‘x’", "«x»", "„x“", "a–b—c", "…", "№ ™ ℠", "€ £ ¥", "x²+y³", "½ ⅓", "→⇒", "♥", "A\u030angstrom", "ﬀﬁﬂ", "œ æ ĳ", "Ŀl", "aͤ", "ſt", "µμ", "ОΟO", "раураl", "ǃǀǁ",
)  # fmt: skip
STRUCTURED = _each(
    "{}", "[]", "null", "{\"a\": 1}", "[1,2", "a: b", "- a", "---\na: 1\n---", "+++\na=1\n+++", "<a/>", "a=b&c=d", "a[]=1", "key: |\n  x", "!!python/object:os.system", "&a *a", "<<: *a", "0:0", "a\r\nSet-Cookie: b", "a\nLocation: /", "HTTP/1.1 200 OK", "GET / HTTP/1.1", "multipart/form-data; boundary=x", "--b--", "=?utf-8?q?a?=", "UTF-7 +ADw-", "bearer x", "Basic YTpi",
    "W/\"a\"", "*", "bytes=0-", "eyJhbGciOiJub25lIn0.e30.", "123e4567-e89b-12d3-a456-426614174000", "{123e4567-e89b-12d3-a456-426614174000}", "urn:uuid:123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000", "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "e" * 64, "production", "HtmlPage", "SelfManaged", "markdown", "tar.gz", "deployed",
)  # fmt: skip

KINDS: dict[str, tuple[str, ...]] = {
    "categories": tuple(_FIRST_OF.values()), "forms": _FORMS, "cases": _CASED, "blank": BLANK, "invisible": INVISIBLE, "directions": DIRECTIONS, "emoji": EMOJI, "stacks": STACKS, "controls": CONTROLS,
    "unassigned": UNASSIGNED, "surrogates": SURROGATES, "formats": FORMATS, "sql": SQL, "shell": SHELL, "html": HTML, "templates": TEMPLATES, "markdown": MARKDOWN, "tables": TABLES, "paths": PATHS,
    "reserved": RESERVED, "numbers": NUMBERS, "times": TIMES, "addresses": ADDRESSES, "languages": LANGUAGES, "long": LONG, "writing": WRITING, "structured": STRUCTURED,
}  # fmt: skip
STRINGS: tuple[str, ...] = tuple(dict.fromkeys(text for texts in KINDS.values() for text in texts))
# What no field takes, since not every reader of JSON and no column of text can hold it; and the others.
UNSTORABLE = frozenset(text for text in STRINGS if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text))
SAFE = tuple(text for text in STRINGS if text not in UNSTORABLE)
