extension Page {
  /// Two palettes by the reader's own choice; one column on a phone.
  static let style = """
    :root{--back:#f6f7f9;--card:#fff;--ink:#1b2130;--soft:#5b6475;--rule:#dfe3ea;--line:#2563c9;\
    --fill:#2563c922;--good:#157a3d;--warn:#9a5b00;--bad:#b3261e}
    @media (prefers-color-scheme:dark){:root{--back:#11141b;--card:#1a1f29;--ink:#e7ebf3;\
    --soft:#9aa5b8;--rule:#2c3442;--line:#7fb0ff;--fill:#7fb0ff26;--good:#5fd38d;--warn:#f2b35e;\
    --bad:#ff8a80}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--back);color:var(--ink);font:16px/1.45 system-ui,sans-serif}
    main{max-width:68rem;margin:0 auto;padding:1rem}
    header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1rem}
    h1{font-size:1.15rem;margin:0;font-weight:600}
    h2{font-size:.95rem;margin:0 0 .5rem;font-weight:600}
    #state{font-size:1.6rem;font-weight:700;margin:0;color:var(--soft)}
    #state[data-state=good]{color:var(--good)}
    #state[data-state=warn]{color:var(--warn)}
    #state[data-state=bad]{color:var(--bad)}
    #reason{margin:0;color:var(--soft)}
    section{display:grid;gap:.75rem;margin:.75rem 0}
    .tiles{grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr))}
    .plots,.tables{grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr))}
    .tiles>div,figure,.tables>div{background:var(--card);border:1px solid var(--rule);\
    border-radius:.6rem;padding:.75rem;margin:0;min-width:0}
    .stale .tiles b,.stale .tiles i{opacity:.4}
    .tiles b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums;white-space:nowrap}
    .tiles span,figcaption,footer{color:var(--soft);font-size:.85rem}
    i{font-style:normal}
    figcaption{margin-bottom:.25rem}
    svg{display:block;width:100%;height:150px}
    svg text{fill:var(--soft);font-size:11px}
    .line{fill:none;stroke:var(--line);stroke-width:1.5;vector-effect:non-scaling-stroke}
    .fill{fill:var(--fill);stroke:none}
    .dot{fill:var(--line)}
    .rule{stroke:var(--rule);stroke-width:1;vector-effect:non-scaling-stroke}
    table{width:100%;border-collapse:collapse;font-size:.9rem}
    th{text-align:left;font-weight:inherit}
    td,th{padding:.15rem 0;border-top:1px solid var(--rule);overflow-wrap:anywhere}
    tr:first-child>*{border-top:0}
    th+td{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;padding-left:1rem}
    button{font:inherit;font-size:.9rem;color:inherit;background:var(--card);\
    border:1px solid var(--rule);border-radius:.5rem;padding:.4rem .9rem;cursor:pointer}
    button[aria-pressed=true]{border-color:var(--line);color:var(--line);font-weight:600}
    a{color:var(--line);margin-left:.75rem}
    """
}
