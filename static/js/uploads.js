// Sends a chosen file in pieces, so that it may be long and a lost connection goes on where it was. Without script
// the form sends the file itself.
(() => {
  'use strict';
  const form = document.querySelector('form[data-uploads]');
  if (!form) return;
  const state = form.querySelector('[data-upload-state]');
  const bar = state.querySelector('progress');
  const words = state.querySelector('span');
  const token = form.elements.csrfmiddlewaretoken.value;
  const TRIES = 5;

  function choose() {
    const chosen = form.querySelector('input[name=source]:checked')?.value;
    for (const part of form.querySelectorAll('[data-for-source]')) part.hidden = part.dataset.forSource !== chosen;
  }
  form.addEventListener('change', choose);
  choose();

  async function ask(url, options) {
    const headers = { Accept: 'application/json', 'X-CSRFToken': token, ...options.headers };
    const answer = await fetch(url, { ...options, headers });
    const told = await answer.json();
    if (answer.ok || told.code === 'wrong_offset') return told;
    throw Object.assign(new Error(told.detail), { final: answer.status < 500 || answer.status === 507 });
  }

  async function patiently(act) {
    for (let tried = 1; ; tried += 1) {
      try {
        return await act();
      } catch (error) {
        if (error.final || tried === TRIES) throw error;
        words.textContent = 'The connection was lost. Trying again.';
        await new Promise((resolve) => { setTimeout(resolve, 500 * 2 ** tried); });
      }
    }
  }

  async function send(file) {
    const base = form.dataset.uploads;
    const body = JSON.stringify({ name: file.name, size: file.size });
    const headers = { 'Content-Type': 'application/json' };
    const begun = await patiently(() => ask(base, { method: 'POST', body, headers }));
    const piece = Number(form.dataset.piece);
    let offset = 0;
    while (offset < file.size) {
      const part = file.slice(offset, offset + piece);
      const options = { method: 'PUT', body: part, headers: { 'Content-Type': 'application/octet-stream' } };
      const at = offset;
      const told = await patiently(() => ask(`${base}${begun.key}/?offset=${at}`, options));
      offset = told.offset;
      bar.value = offset / file.size;
      words.textContent = `${Math.floor((100 * offset) / file.size)} % of ${file.name} sent`;
    }
    return begun.key;
  }

  form.addEventListener('submit', async (event) => {
    const file = form.elements.file.files[0];
    const chosen = form.querySelector('input[name=source]:checked')?.value;
    if (chosen !== 'upload' || !file || form.elements.upload.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    state.hidden = false;
    const button = form.querySelector('button[type=submit]');
    button.setAttribute('aria-disabled', 'true');
    try {
      form.elements.upload.value = await send(file);
      form.elements.file.value = '';
      form.requestSubmit(button);
    } catch (error) {
      words.textContent = error.message || 'The file could not be sent. Try again.';
    } finally {
      button.removeAttribute('aria-disabled');
    }
  }, true);
})();
