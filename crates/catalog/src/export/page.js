"use strict";
(() => {
  const box = document.querySelector("input[type=search]");
  const hits = document.querySelector(".hits");
  const sections = [...document.querySelectorAll("main section")];
  const text = new Map(sections.map((it) => [it, it.textContent.toLowerCase()]));
  const links = [...document.querySelectorAll("nav li a")];
  const lists = [...document.querySelectorAll("nav ul")];
  const heads = [...document.querySelectorAll("main > h2")];

  const search = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const it of sections) {
      it.hidden = !words.every((word) => text.get(it).includes(word));
      shown += it.hidden ? 0 : 1;
      // A match in an older version is no match to whoever cannot see it.
      for (const older of it.querySelectorAll("details.older")) {
        older.open = words.length > 0 && words.some((word) => older.textContent.toLowerCase().includes(word));
      }
    }
    for (const link of links) {
      const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      link.parentElement.hidden = target !== null && target.hidden;
    }
    for (const list of lists) {
      list.previousElementSibling.hidden = list.querySelector("li:not([hidden])") === null;
    }
    for (const head of heads) {
      let own = head.nextElementSibling;
      let some = false;
      let any = false;
      for (; own !== null && own.tagName !== "H2"; own = own.nextElementSibling) {
        if (own.tagName === "SECTION") {
          any = true;
          some ||= !own.hidden;
        }
      }
      head.hidden = any ? !some : words.length > 0;
    }
    for (const figure of document.querySelectorAll("main > figure")) {
      figure.hidden = words.length > 0;
    }
    hits.textContent = words.length === 0 ? "" : `${shown} of ${sections.length}`;
  };

  box.addEventListener("input", search);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box) {
      event.preventDefault();
      box.focus();
    } else if (event.key === "Escape" && box.value !== "") {
      box.value = "";
      search();
    }
  });

  // A link to what the search hides shows it.
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target !== null && target.hidden) {
      box.value = "";
      search();
      target.scrollIntoView();
    }
  });

  // A box of the drawing leads to what it stands for.
  for (const name of document.querySelectorAll("figure svg text.name")) {
    const target = ["topic-", "processor-"].map((kind) => kind + name.textContent).find((id) => document.getElementById(id) !== null);
    if (target !== undefined) {
      name.parentElement.style.cursor = "pointer";
      name.parentElement.addEventListener("click", () => {
        location.hash = target;
      });
    }
  }

  // What the browser kept in the box over a reload.
  search();
})();
