// Runs axe on every page at two widths in light and dark, and takes the pictures that check.py asks for.
// In: one JSON task on stdin. Out: one JSON list of {url, how, text} on stdout.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const WIDTHS = { 390: 844, 1440: 900 };
const SCHEMES = ["light", "dark"];
const TABS = 2;
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const task = JSON.parse(readFileSync(0, "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const findings = [];
const waiting = [...task.urls];

const context = await chromium.launchPersistentContext(task.profile, {
  executablePath: task.chromium,
  headless: true,
  args: FLAGS,
  bypassCSP: true, // axe is put into the page as a script
});
await Promise.all(Array.from({ length: TABS }, work));
await context.close();
process.stdout.write(JSON.stringify(findings));

async function work() {
  const page = await context.newPage();
  let url = "";
  let how = "";
  const report = (text) => findings.push({ url, how, text });
  page.on("pageerror", (error) => report(`script error: ${error.message}`));
  page.on("console", (message) => {
    // The page that is not there, and the icon that a browser asks for where a page names none.
    const expected = message.text().includes("404") && [url, new URL("/favicon.ico", url).href].includes(message.location().url);
    if (message.type() === "error" && !expected) report(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol.startsWith("http") && asked.host !== new URL(url).host) report(`asks another host: ${asked.host}`);
  });
  while ((url = waiting.shift())) {
    for (const [width, height] of Object.entries(WIDTHS)) {
      for (const colorScheme of SCHEMES) {
        how = `${width} ${colorScheme}`;
        await page.setViewportSize({ width: Number(width), height });
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        try {
          await page.goto(url, { waitUntil: "load" });
          await check(page, report);
        } catch (error) {
          report(`cannot be opened: ${error.message.split("\n")[0]}`);
          continue;
        }
        if (task.shots[url]) {
          await page.screenshot({ path: `${task.folder}/${task.shots[url]}-${width}-${colorScheme}.png` });
        }
      }
    }
  }
}

async function check(page, report) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) report(`wider than the screen by ${wide} px`);
  await page.evaluate(axe);
  const results = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const violation of results.violations) {
    if (!["serious", "critical"].includes(violation.impact)) continue;
    const node = violation.nodes[0];
    report(`axe ${violation.impact}: ${violation.id} (${node.target.join(" ")}): ${violation.help}`);
  }
}
