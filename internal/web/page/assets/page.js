(function () {
  "use strict";
  var form = document.querySelector("form[data-form-primary]");

  // What the browser can do travels with the form; without script the fields are absent.
  if (form) {
    var report = function (name, value) {
      var field = form.querySelector("input[name='" + name + "']") || form.appendChild(document.createElement("input"));
      field.type = "hidden";
      field.name = name;
      field.value = String(!!value);
    };
    var credential = window.PublicKeyCredential;
    report("js-available", true);
    report("is-brave", navigator.brave);
    report("webauthn-available", credential);
    report("webauthn-platform-available", false);
    report("allow-passkeys", false);
    var ask = function (name) {
      return credential && credential[name] ? credential[name]().catch(function () { return false; }) : Promise.resolve(false);
    };
    Promise.all([ask("isUserVerifyingPlatformAuthenticatorAvailable"), ask("isConditionalMediationAvailable")]).then(function (can) {
      report("webauthn-platform-available", can[0]);
      report("allow-passkeys", can[0] && can[1]);
    });
  }

  // A form is sent once; coming back by history opens it again.
  var sent = false;
  document.addEventListener("submit", function (event) {
    if (sent) event.preventDefault();
    else if (!event.defaultPrevented) sent = true;
  });
  window.addEventListener("pageshow", function () { sent = false; });

  // The page of a link that was opened in the browser of its login goes on by itself, when it is looked at.
  if (form && form.hasAttribute("data-submit-now")) {
    var go = function () { form.requestSubmit(form.querySelector("[data-action-button-primary]")); };
    if (document.prerendering) document.addEventListener("prerenderingchange", go, { once: true });
    else go();
  }

  // The page that waits for a link asks how far it is, and goes on when another browser has approved it.
  var waiting = document.querySelector("button[data-poll]");
  if (waiting) {
    var later = function () { setTimeout(poll, 2000); };
    var poll = function () {
      fetch(waiting.dataset.poll, { cache: "no-store" }).then(function (answer) { return answer.json(); }).then(function (link) {
        if (link.status === "approved") waiting.click();
        else if (link.status === "pending") later();
        else location.replace(location.href);
      }).catch(later);
    };
    later();
  }

  // The code of a text message that names this host goes in by one tap (Web OTP API). Sending the form ends the offer.
  var code = document.querySelector("input[data-text-message]");
  if (code && window.OTPCredential) {
    var offer = new AbortController();
    form.addEventListener("submit", function () { offer.abort(); });
    navigator.credentials.get({ otp: { transport: ["sms"] }, signal: offer.signal }).then(function (message) {
      code.value = message.code;
      form.requestSubmit(form.querySelector("[data-action-button-primary]"));
    }).catch(function () {});
  }

  // The wait before the next code is counted in the button. The server keeps the rule; this only shows it.
  document.querySelectorAll("button[data-wait]").forEach(function (button) {
    var label = button.textContent, end = Date.now() + button.dataset.wait * 1000;
    button.addEventListener("click", function (event) {
      if (button.getAttribute("aria-disabled") === "true") event.preventDefault();
    });
    (function tick() {
      var left = Math.ceil((end - Date.now()) / 1000);
      if (left <= 0) {
        button.removeAttribute("aria-disabled");
        button.textContent = label;
        return;
      }
      button.setAttribute("aria-disabled", "true");
      button.textContent = button.dataset.waitText.replace("{time}", Math.floor(left / 60) + ":" + ("0" + left % 60).slice(-2));
      setTimeout(tick, 1000 - (Date.now() % 1000));
    })();
  });
})();
