"""The look of the page of `captures inspect --html`, for light and dark."""

from __future__ import annotations

STYLE = """
:root { --ink: #1c2127; --soft: #5c6773; --line: #dfe3e8; --ground: #ffffff; --panel: #f7f8fa;
  --depth: #1f5fa8; --reusable: #9cc3ea; --cached: #2b8a5b; --edit: #b7791f; --broken: #c0392b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #9aa5b1; --line: #343b44; --ground: #15181c; --panel: #1c2127;
    --depth: #7db4f0; --reusable: #2f5178; --cached: #63c294; --edit: #e0ab4f; --broken: #ef7d70; }
}
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  margin: 2rem auto; max-width: 1120px; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .4rem 0; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .6rem;
  margin: 1rem 0 0; }
dl div { background: var(--panel); border-radius: 6px; padding: .5rem .7rem; }
dt { color: var(--soft); font-size: .82rem; } dd { margin: 0; overflow-wrap: anywhere; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr));
  gap: 1rem; align-items: start; }
figure { margin: 0; background: var(--panel); border-radius: 6px; padding: .7rem .8rem; }
figcaption { font-size: .9rem; overflow-wrap: anywhere; margin-bottom: .4rem; }
figcaption small { display: block; color: var(--soft); }
svg { width: 100%; max-width: 620px; height: auto; display: block; }
text { fill: var(--ink); font-size: 12px; } text.tick { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--line); stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.depth { stroke: var(--depth); }
.line.cached { stroke: var(--cached); stroke-width: 1.5; stroke-dasharray: 4 3; }
.area.reusable { fill: var(--reusable); }
.mark { stroke: var(--panel); stroke-width: 1.5; } .mark.depth { fill: var(--depth); }
.mark.cached { fill: var(--cached); } .mark.edit { fill: var(--edit); }
.mark.broken { fill: var(--broken); }
.sensor { fill: transparent; } .sensor:hover { fill: var(--soft); fill-opacity: .15; }
.bar { fill: var(--depth); }
.legend { margin-right: 1.2rem; color: var(--soft); font-size: .88rem; white-space: nowrap; }
.key { display: inline-block; width: .9rem; height: .2rem; margin-right: .4rem;
  vertical-align: middle; background: var(--depth); }
.key.reusable { height: .8rem; background: var(--reusable); }
.key.cached { background: linear-gradient(90deg, var(--cached) 60%, transparent 0) 0 0 / 6px; }
.key.edit, .key.broken { width: .6rem; height: .6rem; border-radius: 50%;
  background: var(--edit); }
.key.broken { background: var(--broken); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; margin: .6rem 0; }
th, td { text-align: right; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; } li { overflow-wrap: anywhere; }
"""
