/* Passkeys: shows the buttons where the browser knows them, says what went wrong, and asks one for a decision. */
(function () {
  "use strict";

  function say(text) {
    document.querySelectorAll("[data-passkey-status]").forEach(function (line) {
      line.textContent = text;
    });
  }

  function reason(error) {
    if (error && error.name === "NotAllowedError") {
      return "Nothing was confirmed. Try again, or use another way.";
    }
    return "The passkey did not work here. Try again, or use another way.";
  }

  async function ask(button) {
    const form = button.closest("form");
    const body = new FormData();
    body.set("binding", button.dataset.passkeyBinding);
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    const answer = await fetch(button.dataset.passkeyUrl, {
      method: "POST", body: body, headers: { Accept: "application/json" }
    });
    const options = await answer.json();
    if (!answer.ok) {
      say(options.detail || reason(null));
      return;
    }
    const credential = await window.webauthnJSON.get(options);
    document.getElementById(button.dataset.passkeyInto).value = JSON.stringify(credential);
    const submit = form.querySelector("[data-passkey-submit]") || form.querySelector("button[type=submit]");
    form.noValidate = true;
    form.requestSubmit(submit);
  }

  function show() {
    if (window.PublicKeyCredential) {
      document.querySelectorAll("[data-needs-passkeys], [data-passkey-row]").forEach(function (part) {
        part.hidden = false;
      });
    }
  }

  /* The form may arrive later, in a dialog, so clicks are caught at the document. */
  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-passkey]");
    if (button) {
      say("");
      ask(button).catch(function (error) { say(reason(error)); });
    }
  });
  document.addEventListener("allauth.error", function (event) {
    event.preventDefault();
    say(reason(event.detail.exception));
  });
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", show);
  } else {
    show();
  }
  document.addEventListener("htmx:after:swap", show);
})();
