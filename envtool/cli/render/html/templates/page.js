
"use strict";
// What a page can do beyond being read. Without it everything is there, and nothing is hidden.
(() => {
  const spoken = document.getElementById("spoken");

  for (const button of document.querySelectorAll("button.copy")) {
    const text = button.parentElement.querySelector("code").textContent;
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const range = document.createRange();
        range.selectNodeContents(button.parentElement.querySelector("code"));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        document.execCommand("copy");
      }
      button.textContent = spoken.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 1500);
    });
  }

  for (const form of document.querySelectorAll("form.filter")) {
    const list = document.getElementById(form.dataset.list);
    const rows = [...list.querySelectorAll("[data-row]")];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const search = form.querySelector("input[type=search]");
    const kinds = [...form.querySelectorAll("input[type=checkbox]")];
    const output = form.querySelector("output");
    const update = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const hidden = new Set(kinds.filter((box) => !box.checked).map((box) => box.value));
      let shown = 0;
      rows.forEach((row, index) => {
        row.hidden = hidden.has(row.dataset.kind) || !words.every((word) => texts[index].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      for (const group of list.querySelectorAll("[data-group]")) {
        group.hidden = !group.querySelector("[data-row]:not([hidden])");
      }
      output.textContent = form.dataset.counted.replace("{shown}", shown).replace("{total}", rows.length);
    };
    form.hidden = false;
    form.addEventListener("input", update);
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  // What a link leads to, or paper is to show, is open.
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") at.open = true;
    }
    const own = target && target.querySelector("details");
    if (own) own.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();
  addEventListener("beforeprint", () => {
    for (const item of document.querySelectorAll("details")) item.open = true;
  });
})();
