"use strict";
// Everything works without this script, only slower: the page then looks again every five seconds.
(() => {
  const root = document.body;
  let { newest } = root.dataset;

  // The code and the commands are one click away.
  function prepare() {
    for (const button of document.querySelectorAll(".copy")) {
      button.hidden = !navigator.clipboard;
      button.onclick = async () => {
        const label = button.textContent;
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = label; }, 1600);
      };
    }
    for (const time of document.querySelectorAll("time")) {
      const at = new Date(time.dateTime);
      const today = at.toDateString() === new Date().toDateString();
      time.textContent = "long" in time.dataset
        ? at.toLocaleString([], { dateStyle: "long", timeStyle: "medium" })
        : today ? at.toLocaleTimeString() : at.toLocaleDateString([], { month: "short", day: "numeric" });
    }
    const mail = document.querySelector("iframe.mail");
    if (!mail) return;
    const fit = () => {
      const height = mail.contentDocument?.body?.offsetHeight;
      if (height) mail.style.height = `${height + 2}px`;
    };
    mail.onload = fit;
    window.onresize = fit;
    if (mail.contentDocument?.readyState === "complete") fit();
  }

  function state(kind, text) {
    document.getElementById("state").className = `state ${kind}`;
    document.getElementById("state-text").textContent = text;
  }

  // show takes a fresh copy of the page. A person who reads a message keeps it; otherwise the newest opens.
  async function show() {
    const answer = await fetch(location.href);
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const before = new Set([...document.querySelectorAll(".list li a")].map((a) => a.href));
    const [old, fresh] = [document.getElementById("main"), page.getElementById("main")];
    const typing = document.activeElement?.id === "to";
    if ("chosen" in root.dataset && old.querySelector(".list") && fresh.querySelector(".list")) {
      old.querySelector(".list ol")?.replaceWith(fresh.querySelector(".list ol"));
    } else if (typing && old.querySelector("ol") && fresh.querySelector("ol")) {
      old.querySelector(".list ol")?.replaceWith(fresh.querySelector(".list ol"));
      old.querySelector(".view").replaceWith(fresh.querySelector(".view"));
    } else {
      old.replaceWith(document.adoptNode(fresh));
      document.title = page.title;
    }
    if (before.size) {
      for (const a of document.querySelectorAll(".list li a")) {
        if (!before.has(a.href)) a.parentElement.classList.add("new");
      }
    }
    newest = page.body.dataset.newest;
    prepare();
  }

  async function listen() {
    for (let failures = 0; ;) {
      try {
        const query = new URLSearchParams({ wait: "25" });
        if (newest) query.set("since", newest);
        if (root.dataset.to) query.set("to", root.dataset.to);
        const began = Date.now();
        const answer = await fetch(`${root.dataset.base}/messages?${query}`);
        if (!answer.ok) throw new Error(answer.statusText);
        const messages = await answer.json();
        state("live", "Updates by itself");
        failures = 0;
        if (messages.length) {
          await show();
          const [m] = messages;
          document.getElementById("news").textContent = `New message to ${m.to}: ${m.subject}`;
        } else if (Date.now() - began < 1000) {
          await pause(1000); // a server that is stopping answers at once
        }
      } catch {
        failures++;
        state("broken", "The server does not answer; trying again");
        await pause(Math.min(1000 * failures, 5000));
      }
    }
  }

  const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

  prepare();
  state("live", "Updates by itself");
  listen();
})();
