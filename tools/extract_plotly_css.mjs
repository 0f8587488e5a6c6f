// Writes the style rules that plotly.js would add at run time, which a strict content security policy blocks.
// usage: node tools/extract_plotly_css.mjs path/to/plotly.js > static/vendor/plotly-VERSION/plotly-csp.css
// The path is the unminified file of the npm package plotly.js-dist of the same version.
import { readFileSync } from 'node:fs';

const source = readFileSync(process.argv[2], 'utf8');
const start = source.indexOf('var rules = {', source.indexOf('require_plotcss'));
const end = source.indexOf('};', start);
const rules = new Function(`${source.slice(start, end + 2)} return rules;`)();
const out = ['/* Extracted from plotly.js (MIT) by tools/extract_plotly_css.mjs. */'];
for (const [selector, style] of Object.entries(rules)) {
  const full = selector.replace(/^,/, ' ,').replace(/X/g, '.js-plotly-plot .plotly').replace(/Y/g, '.plotly-notifier');
  out.push(`${full} { ${style} }`);
}
process.stdout.write(out.join('\n') + '\n');
