// Progressive enhancement only. Every control on these pages is a link or a form first.
(() => {
  'use strict';
  const root = document.documentElement;
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const clock = () => new Date().toISOString().slice(11, 16);

  // MLflow's clients print the addresses of MLflow's own pages, which begin at "/#/". They lead to ours, also after
  // signing in, since a browser keeps the fragment when it is sent to the sign-in page.
  function leadFromMlflow() {
    const [, run, model, version] = /^#\/(?:experiments\/\d+\/runs\/(\w+)|models\/([^/?]+)(?:\/versions\/(\d+))?)(?:[/?].*)?$/.exec(location.hash) || [];
    if (run) location.replace(`/runs/${run}/`);
    else if (model) location.replace(`/models/${model}/${version ? `versions/${version}/` : ''}`);
  }
  leadFromMlflow();
  addEventListener('hashchange', leadFromMlflow);

  function toast(text) {
    const line = document.createElement('p');
    line.className = 'toast';
    line.textContent = text;
    $('#toasts')?.append(line);
    setTimeout(() => line.remove(), 4000);
  }

  // ------------------------------------------------------------- theme
  // The form works alone; with script the choice shows at once and is sent behind the scenes.
  function applyTheme(value) {
    if (value === 'system') delete root.dataset.theme; else root.dataset.theme = value;
    document.cookie = `signalbox_theme=${value}; path=/; max-age=31536000; samesite=lax`;
    for (const button of $$('[data-theme-form] button')) button.setAttribute('aria-pressed', String(button.value === value));
    document.dispatchEvent(new Event('themechange'));
  }

  async function sendTheme(form, value) {
    const body = new URLSearchParams(new FormData(form));
    body.set('theme', value);
    try {
      const answer = await fetch(form.action, { method: 'POST', body, headers: { Accept: 'application/json' } });
      if (!answer.ok) throw new Error(String(answer.status));
    } catch {
      toast('The theme is changed here, but could not be kept.');
    }
  }

  // ------------------------------------------------------------- forms
  // A form is sent once. Its button keeps its value, so it is marked rather than disabled.
  function release(form) {
    delete form.dataset.sent;
    for (const button of $$('[aria-disabled]', form)) button.removeAttribute('aria-disabled');
  }

  document.addEventListener('submit', (event) => {
    const form = event.target, submitter = event.submitter;
    if (form.matches('[data-theme-form]')) {
      event.preventDefault();
      applyTheme(submitter.value);
      sendTheme(form, submitter.value);
      return;
    }
    if ((submitter?.formMethod || form.method) !== 'post' || form.dataset.guard === 'off') return;
    if (form.dataset.sent) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    form.dataset.sent = '1';
    for (const button of $$('button:not([type="button"])', form)) button.setAttribute('aria-disabled', 'true');
    // another script may have taken the event over, or the answer may never come
    setTimeout(() => { if (event.defaultPrevented && !form.matches('[hx-post]')) release(form); });
    setTimeout(() => release(form), 15000);
  }, true);
  window.addEventListener('pageshow', () => $$('form[data-sent]').forEach(release));
  document.addEventListener('htmx:finally:request', (event) => {
    const form = event.target.closest?.('form[data-sent]');
    if (form) release(form);
  });

  // ----------------------------------------------------------- dialogs
  function show(dialog) {
    dialog.showModal();
    const first = $('[autofocus], .dlg-body :is(input:not([type="hidden"]), select, textarea), [data-dialog-content] input:not([type="hidden"])', dialog);
    first?.focus({ preventScroll: true });
    dialog.scrollTop = 0;   // what it would do is read first, and stands above
  }

  async function openPage(link) {
    const dialog = $('#page-dialog');
    if (!dialog) { location.href = link.href; return; }
    try {
      const answer = await fetch(link.href, { headers: { 'HX-Request': 'true' } });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const content = $('[data-dialog-content]', page);
      if (!content) throw new Error('no dialog content');
      dialog.replaceChildren(document.adoptNode(content));
      dialog.setAttribute('aria-label', $('h2', dialog)?.textContent || link.textContent.trim());
      window.htmx?.process(dialog);
      show(dialog);
      document.dispatchEvent(new Event('portal:content'));
    } catch {
      location.href = link.href;
    }
  }

  // ------------------------------------------------------------- menus
  // They are <details>, which open and close by themselves; here they also close like menus.
  function closeMenus(event) {
    for (const menu of $$('details.more[open]')) {
      const inside = menu.contains(event.target);
      if (event.type === 'click' && inside && !event.target.closest('.menu a, .menu button')) continue;
      if (inside) $('summary', menu).focus();   // where a dialog that opens now leads back to
      menu.open = false;
    }
  }
  document.addEventListener('click', closeMenus);
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') closeMenus(event); });

  // ------------------------------------------------------------ clicks
  async function copy(button) {
    const source = 'copyFrom' in button.dataset ? $('code', button.parentElement).textContent : button.dataset.copy;
    try {
      await navigator.clipboard.writeText(source);
      toast('Copied');
    } catch {
      toast('This browser does not allow copying here. Select the text and copy it.');
    }
  }

  document.addEventListener('click', (event) => {
    const plain = !event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0;
    const opener = event.target.closest('[data-dialog]');
    if (opener && plain) {
      const here = opener.dataset.dialog && document.getElementById(opener.dataset.dialog);
      event.preventDefault();
      if (here) show(here); else openPage(opener);
      return;
    }
    const closer = event.target.closest('dialog [data-close]');
    if (closer) { event.preventDefault(); closer.closest('dialog').close(); return; }
    const copier = event.target.closest('[data-copy], [data-copy-from]');
    if (copier) copy(copier);
    const retry = event.target.closest('[data-retry]');
    if (retry) document.getElementById(retry.dataset.retry)?.dispatchEvent(new Event('every'));
  });

  // ------------------------------------------------------- live regions
  const since = new Map();

  function staleLine(region, text) {
    const id = `${region.id}-stale`;
    if (!since.has(region.id)) since.set(region.id, clock());
    let line = document.getElementById(id);
    if (!line) {
      line = document.createElement('p');
      line.id = id;
      line.className = 'stale-line';
      line.setAttribute('role', 'status');
      region.before(line);
    }
    line.replaceChildren(`${text} Showing ${since.get(region.id)} UTC. `);
    const again = document.createElement('button');
    again.className = 'btn sm';
    again.type = 'button';
    again.dataset.retry = region.id;
    again.textContent = 'Retry';
    line.append(again);
    for (const mark of $$('.live', region)) mark.classList.add('stale');
    setTimeout(() => document.getElementById(id) && region.classList.add('old'), 60000);
  }

  function fresh(region) {
    since.set(region.id, clock());
    document.getElementById(`${region.id}-stale`)?.remove();
    region.classList.remove('old');
    for (const mark of $$('.live', region)) mark.classList.remove('stale');
  }

  const isPoll = (ctx) => ctx?.sourceEvent?.type === 'every';
  const regionOf = (ctx) => document.getElementById(ctx.sourceElement.id) || ctx.sourceElement;

  document.addEventListener('htmx:config:request', (event) => {
    if (document.hidden && isPoll(event.detail.ctx)) event.preventDefault();
  });
  document.addEventListener('htmx:before:request', (event) => {
    const { ctx } = event.detail;
    if (!isPoll(ctx) && ctx.target instanceof Element) ctx.busy = setTimeout(() => ctx.target.setAttribute('aria-busy', 'true'), 250);
  });
  document.addEventListener('htmx:finally:request', (event) => {
    const { ctx } = event.detail;
    clearTimeout(ctx.busy);
    if (ctx.target instanceof Element) ctx.target.removeAttribute('aria-busy');
  });
  document.addEventListener('htmx:before:response', (event) => {
    const { ctx } = event.detail, { status, raw } = ctx.response;
    const signIn = document.body.dataset.signIn;
    if (raw.redirected && signIn && new URL(raw.url).pathname.startsWith(signIn)) {
      event.preventDefault();          // the session has ended: the whole page goes to sign in, not a part of it
      location.reload();
    } else if (isPoll(ctx) && status >= 400) {
      event.preventDefault();
      staleLine(regionOf(ctx), `Could not refresh at ${clock()}.`);
    } else if (isPoll(ctx)) {
      fresh(regionOf(ctx));
    } else if (status >= 500) {
      event.preventDefault();
      toast('This could not be done. Nothing was changed. Try again, or load the page again.');
    }
  });
  document.addEventListener('htmx:error', (event) => {
    const { ctx } = event.detail || {};
    if (isPoll(ctx)) staleLine(regionOf(ctx), `Could not refresh at ${clock()}.`);
    else if (ctx) toast('The portal could not be reached. Nothing was sent twice; try again.');
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) for (const region of $$('[data-live]')) region.dispatchEvent(new Event('every'));
  });

  // ---------------------------------------------------------- keyboard
  // Single keys are off while typing, in dialogs, with modifiers, and by choice (WCAG 2.1.4). None of them decides.
  const ROWS = 'main .rows > li, main .table tbody tr';
  let went = 0;

  function walk(step) {
    const rows = $$(ROWS).filter((row) => $('a[href], button, summary', row) && row.getClientRects().length);
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.classList.contains('cursor'));
    const next = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
    rows[at]?.classList.remove('cursor');
    next.classList.add('cursor');
    $('a[href], button, summary', next).focus();
    next.scrollIntoView({ block: 'nearest' });
  }

  const inRow = (selector, act) => { const row = $('.cursor'); const found = row && $(selector, row); if (found) act(found); };
  const KEYS = {
    '/': () => $$('#q, #q-small').find((field) => field.getClientRects().length)?.focus(),
    '?': () => { const help = $('#shortcuts'); if (help) show(help); },
    j: () => walk(1),
    k: () => walk(-1),
    x: () => inRow('input[type="checkbox"]', (box) => box.click()),
    e: () => inRow('summary, [data-expand]', (part) => part.click()),
    '.': () => inRow('.actions a, .actions button, [popovertarget]', (part) => part.focus()),
    c: () => $('textarea[data-comment]')?.focus(),
  };

  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && event.ctrlKey && event.target.matches('textarea[data-comment]')) event.target.form.requestSubmit();
    if (event.ctrlKey || event.metaKey || event.altKey || root.dataset.shortcuts === 'off') return;
    if (event.target.closest('input, textarea, select, [contenteditable], dialog')) return;
    if (event.key === 'g') { went = event.timeStamp; return; }
    const target = event.timeStamp - went < 900 && $(`.nav a[data-key="${CSS.escape(event.key)}"]`);
    went = 0;
    if (target) { target.click(); return; }
    if (event.key in KEYS) { event.preventDefault(); KEYS[event.key](); }
  });

  // ------------------------------------------ sections marked while scrolling
  const links = $$('.subnav a[href^="#"]');
  if (links.length && 'IntersectionObserver' in window) {
    const by = new Map(links.map((link) => [link.hash.slice(1), link]));
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links) link.removeAttribute('aria-current');
        by.get(entry.target.id)?.setAttribute('aria-current', 'true');
      }
    }, { rootMargin: '-20% 0px -70% 0px' });
    for (const id of by.keys()) { const section = document.getElementById(id); if (section) seen.observe(section); }
  }
  $('[data-error-summary]')?.focus();
})();
