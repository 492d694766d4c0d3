// What HTML alone cannot do; every page is whole without it.
const { copy, copied } = document.body.dataset;

for (const pre of document.querySelectorAll(".prose pre:not(.linenos pre)")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  button.textContent = copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText((pre.querySelector("code") ?? pre).innerText.replace(/\n$/, ""));
    button.textContent = copied;
    setTimeout(() => (button.textContent = copy), 2000);
  });
  const box = pre.closest(".highlight") ?? pre.parentElement.insertBefore(document.createElement("div"), pre);
  if (!box.contains(pre)) box.append(pre);
  box.classList.add("copyable");
  box.append(button);
}

// A box that scrolls must be reachable by keyboard; not every browser sees to it.
const reachable = () => {
  for (const box of document.querySelectorAll(".prose :is(pre, table, .table)")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
reachable();
addEventListener("resize", reachable, { passive: true });

// The contents beside the text mark the heading that was passed last.
const links = [...document.querySelectorAll(".contents a")];
const places = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
const mark = () => {
  let at = places.findLastIndex((place) => place && place.getBoundingClientRect().top < 120);
  if (innerHeight + scrollY >= document.documentElement.scrollHeight - 2 && scrollY > 0) at = links.length - 1;
  links.forEach((link, index) => (index === at ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
};
if (links.length) {
  mark();
  addEventListener("scroll", mark, { passive: true });
}

// A long tree shows the place of this page.
const tree = document.querySelector(".tree");
const here = tree?.querySelector("[aria-current]");
if (here && here.offsetTop > tree.clientHeight * 0.8) tree.scrollTop = here.offsetTop - tree.clientHeight / 2;

// The phone's menu closes with Escape and with a press outside.
const menu = document.querySelector("details.menu");
if (menu) {
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
}
