// Progressive enhancement only. Every control here is a link or a form first.
(() => {
  const root = document.documentElement;
  const $$ = (s, el = document) => [...el.querySelectorAll(s)];
  document.addEventListener('click', (e) => {
    const t = e.target.closest('[data-theme-toggle]');
    if (t) {
      const dark = getComputedStyle(root).colorScheme.includes('dark') && (root.dataset.theme === 'dark' || matchMedia('(prefers-color-scheme: dark)').matches && root.dataset.theme !== 'light');
      root.dataset.theme = dark ? 'light' : 'dark';
      document.dispatchEvent(new Event('themechange'));
      keep('theme', root.dataset.theme);
    }
    // <a href="/endpoints/x/rollback/" data-dialog>: a page without JS, a dialog with it
    const d = e.target.closest('a[data-dialog]');
    if (d && !e.metaKey && !e.ctrlKey) { e.preventDefault(); openDialog(d); }
    const c = e.target.closest('[data-close]'); if (c) { e.preventDefault(); c.closest('dialog')?.close(); }
    const k = e.target.closest('[data-copy]');
    if (k) navigator.clipboard?.writeText(k.dataset.copy).then(() => toast('Copied'));
  });

  // single-key shortcuts: off while typing, off with modifiers, switchable in the profile (WCAG 2.1.4)
  let g = 0;
  document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input,textarea,select,[contenteditable],dialog')) return;
    if (root.dataset.shortcuts === 'off') return;
    if (e.key === '/') { e.preventDefault(); document.getElementById('q')?.focus(); return; }
    if (e.key === 'g') { g = Date.now(); return; }
    if (Date.now() - g < 900) { document.querySelector(`.nav a[data-key="${CSS.escape(e.key)}"]`)?.click(); }
  });

  // section nav: mark the section in view
  const links = $$('.subnav a[href^="#"]');
  if (links.length && 'IntersectionObserver' in window) {
    const by = new Map(links.map((a) => [a.hash.slice(1), a]));
    const io = new IntersectionObserver((es) => es.forEach((x) => { if (x.isIntersecting) { links.forEach((l) => l.removeAttribute('aria-current')); by.get(x.target.id)?.setAttribute('aria-current', 'true'); } }), { rootMargin: '-20% 0px -70% 0px' });
    by.forEach((_, id) => { const s = document.getElementById(id); if (s) io.observe(s); });
  }
  function toast(text) { const r = document.getElementById('toasts'); if (!r) return; const p = document.createElement('p'); p.className = 'toast'; p.textContent = text; r.append(p); setTimeout(() => p.remove(), 4000); }

  // what the profile keeps: the server renders it next time, so nothing flashes
  function keep(name, value) {
    const token = document.querySelector('input[name="csrfmiddlewaretoken"]')?.value;
    if (!token) return;
    fetch('/me/preferences/', { method: 'POST', headers: { 'X-CSRFToken': token, 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ [name]: value }) }).catch(() => toast('The setting could not be kept'));
  }

  // a link's page as a dialog; without it, or when it fails, the page itself
  async function openDialog(link) {
    const dialog = document.getElementById('page-dialog');
    if (!dialog?.showModal) { location.href = link.href; return; }
    try {
      const answer = await fetch(link.href, { headers: { 'HX-Request': 'true' } });
      if (!answer.ok || answer.redirected) { location.href = link.href; return; }
      dialog.innerHTML = await answer.text();
      const heading = dialog.querySelector('h2');
      if (heading) dialog.setAttribute('aria-label', heading.textContent);
      dialog.showModal();
      window.htmx?.process?.(dialog);
    } catch { location.href = link.href; }
  }

  // a form is sent once; going back makes it usable again
  document.addEventListener('submit', (e) => {
    const form = e.target;
    if (form.method !== 'post') return;
    if (form.dataset.sent) { e.preventDefault(); return; }
    form.dataset.sent = '1';
    form.querySelectorAll('button:not([type=button])').forEach((b) => b.setAttribute('aria-disabled', 'true'));
  });
  window.addEventListener('pageshow', () => $$('form[data-sent]').forEach((f) => { delete f.dataset.sent; f.querySelectorAll('[aria-disabled]').forEach((b) => b.removeAttribute('aria-disabled')); }));

  // no polling while nobody looks
  document.addEventListener('htmx:before:request', (e) => { if (document.hidden && e.detail?.ctx?.sourceElement?.getAttribute('hx-trigger')?.startsWith('every')) e.preventDefault(); });
  document.addEventListener('htmx:error', () => { const dot = document.getElementById('fresh'); if (dot) { dot.classList.add('stale'); dot.textContent = 'Could not refresh. What you see may be old.'; } });
})();
