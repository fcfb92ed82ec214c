/// Rules of every page. Colours 0 to 7 are those of Okabe and Ito (2008), which the colour-blind tell apart, in tones that stand
/// out from each ground; curves differ by their dashes too.
let pageStyle = """
    :root{color-scheme:light dark;--ground:#fff;--panel:#f5f5f2;--text:#1b1b1b;--dim:#595959;--line:#c9c9c4;--link:#00558f;\
    --c0:#0072b2;--c1:#d55e00;--c2:#00805d;--c3:#b25b8c;--c4:#b07700;--c5:#2f8fc4;--c6:#5c5c5c;--c7:#000;\
    --right:0,114,178;--wrong:213,94,0}
    @media (prefers-color-scheme:dark){:root{--ground:#161616;--panel:#222220;--text:#ececec;--dim:#b0b0b0;--line:#4a4a48;\
    --link:#7cc4f5;--c0:#56b4e9;--c1:#f08a3c;--c2:#2fc49a;--c3:#dd98bf;--c4:#e6b840;--c5:#9bd0f0;--c6:#a8a8a8;--c7:#fff}}
    *{box-sizing:border-box}
    html{scroll-padding-top:1rem}
    body{margin:0 auto;padding:0 1rem 2rem;max-width:76rem;background:var(--ground);color:var(--text);\
    font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
    h1{font-size:1.7rem;margin:1.2rem 0 .2rem;overflow-wrap:anywhere}
    h2{font-size:1.25rem;margin:2.2rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--line)}
    h3{font-size:1rem;margin:1.2rem 0 .3rem}
    a{color:var(--link)}
    p{margin:.5rem 0}
    .lead{color:var(--dim);overflow-wrap:anywhere}
    .hint{color:var(--dim);font-size:.9rem}
    .skip{position:absolute;left:-99rem;background:var(--ground);padding:.5rem}
    .skip:focus{left:1rem;top:.5rem;z-index:9}
    nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;padding:0;margin:.8rem 0 0}
    code,pre{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.9em}
    pre{background:var(--panel);padding:.7rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0}
    .hash{overflow-wrap:anywhere}
    :focus-visible{outline:3px solid var(--c1);outline-offset:1px}
    main:focus{outline:none}
    .problems{border-left:5px solid var(--c1);background:var(--panel);padding:.2rem 1rem;margin-top:1rem}
    .problems h2{border:0;margin:.4rem 0;padding:0}
    .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.6rem;margin:.6rem 0}
    .tiles div{background:var(--panel);padding:.5rem .7rem}
    .tiles dt{color:var(--dim);font-size:.85rem}
    .tiles dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}
    .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1rem}
    .charts>*{min-width:0}
    figure{margin:0 0 .6rem}
    figcaption{font-weight:600;margin-bottom:.2rem}
    .chart{max-width:40rem}
    .chart.wide{max-width:48rem}
    .chart>svg{width:100%;height:auto;display:block}
    svg text{fill:var(--text);font-size:12px}
    .middle{text-anchor:middle}
    .end{text-anchor:end}
    .strong{font-weight:600}
    .halo{paint-order:stroke;stroke:var(--ground);stroke-width:4px;stroke-linejoin:round}
    .grid{stroke:var(--line);stroke-width:.6;fill:none}
    .axis{stroke:var(--dim);stroke-width:1;fill:none}
    .line{fill:none;stroke-width:2;stroke-linejoin:round}
    .band{opacity:.22;stroke:none}
    .dot{stroke:transparent;stroke-width:9px;pointer-events:all}
    .dot.marked{stroke:var(--text);stroke-width:2px}
    .point{opacity:.75}
    .p0{stroke:var(--c0)}.p1{stroke:var(--c1);stroke-dasharray:7 3}.p2{stroke:var(--c2);stroke-dasharray:2 3}\
    .p3{stroke:var(--c3);stroke-dasharray:9 3 2 3}.p4{stroke:var(--c4);stroke-dasharray:12 4}\
    .p5{stroke:var(--c5);stroke-dasharray:4 2}.p6{stroke:var(--c6);stroke-dasharray:1 2}.p7{stroke:var(--c7);stroke-dasharray:5 5}
    .f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}.f5{fill:var(--c5)}\
    .f6{fill:var(--c6)}.f7{fill:var(--c7)}
    .b0{background:var(--c0)}.b1{background:var(--c1)}.b2{background:var(--c2)}.b3{background:var(--c3)}\
    .b4{background:var(--c4)}.b5{background:var(--c5)}.b6{background:var(--c6)}.b7{background:var(--c7)}
    .bar{opacity:.75}
    .tick{stroke-width:3;stroke-dasharray:none;fill:none}
    .diagonal{stroke:var(--dim);stroke-dasharray:5 4;fill:none}
    .legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;padding:0;margin:.2rem 0;font-size:.9rem}
    .key{height:.8em;width:2.2em;margin-right:.35em;vertical-align:baseline}
    .swatch{display:inline-block;width:.9em;height:.9em;margin-right:.35em;vertical-align:-.1em}
    .ramp{display:inline-block;width:5em;height:.8em;margin-right:.5em;vertical-align:-.1em;\
    background:linear-gradient(90deg,rgb(30,110,185),rgb(150,150,150),rgb(230,130,0))}
    details{margin:.3rem 0}
    summary{cursor:pointer;color:var(--link)}
    .scroll{overflow-x:auto;max-width:100%}
    .tall{max-height:36rem;overflow-y:auto}
    table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92rem}
    caption{text-align:left;color:var(--dim);padding:.2rem 0;font-size:.9rem;position:sticky;left:0;\
    max-width:calc(100vw - 1.5rem)}
    th,td{padding:.22rem .6rem;text-align:right;border-bottom:1px solid var(--line)}
    th[scope=row],thead th:first-child{text-align:left}
    th{font-weight:600}
    .texts td{text-align:left}
    .settings td{text-align:left;overflow-wrap:anywhere}
    .settings th{white-space:nowrap;vertical-align:top}
    .range{color:var(--dim);font-size:.88em;white-space:nowrap}
    .meter{width:8rem;height:.8rem;display:block}
    .numbers thead th{position:sticky;top:0;background:var(--ground)}
    .numbers th button{font:inherit;background:none;border:0;color:var(--link);cursor:pointer;padding:0;white-space:nowrap}
    th[aria-sort=ascending] button::after{content:" ↑"}th[aria-sort=descending] button::after{content:" ↓"}
    tr.best{background:var(--panel);font-weight:600}
    .matrix{border-collapse:separate;border-spacing:1px}
    .matrix td,.matrix th{border:0;padding:0}
    .matrix td{min-width:2.9rem;height:2.1rem;text-align:center}
    .matrix th[scope=row]{padding-right:.5rem;white-space:nowrap;position:sticky;left:0;background:var(--ground)}
    .matrix thead th{vertical-align:bottom;text-align:left}
    .tilt{writing-mode:vertical-rl;transform:rotate(180deg);padding:.3rem 0;white-space:nowrap}
    .matrix .right{background:rgba(var(--right),var(--d))}
    .matrix .wrong{background:rgba(var(--wrong),var(--d))}
    .matrix .deep,.matrix .deep button{color:#fff}
    .matrix .wrong.deep,.matrix .wrong.deep button{color:#000}
    .matrix .zero{color:var(--dim)}
    .matrix .sum{color:var(--dim);padding-left:.6rem}
    .matrix button{width:100%;height:100%;min-height:2.1rem;background:none;border:0;font:inherit;color:inherit;cursor:pointer}
    .matrix button[aria-pressed=true]{outline:3px solid var(--text);outline-offset:-3px}
    .matrix .r,.matrix.rates .n{display:none}
    .matrix.rates .r{display:inline}
    .mistakes{background:var(--panel);padding:.6rem;margin:.6rem 0;min-height:4rem}
    .mistakes h3{margin:.1rem 0 .4rem}
    .gallery{display:flex;flex-wrap:wrap;gap:.8rem}
    .mistake-figure{margin:0;width:9rem;font-size:.85rem}
    .mistake-figure figcaption{font-weight:400}
    .sprite{display:inline-block;background-repeat:no-repeat;image-rendering:pixelated;margin:1px;vertical-align:top;\
    print-color-adjust:exact;-webkit-print-color-adjust:exact}
    .pairs img,.pixelated{image-rendering:pixelated;display:block;max-width:none}
    .pairs figcaption{max-width:60rem;font-weight:400;font-size:.92rem}
    .strip{width:100%;height:1.6rem;display:block}
    .worker{margin:.4rem 0 .1rem;font-size:.88rem;color:var(--dim)}
    .span{fill:var(--c0)}.span.stopped{fill:var(--c4)}.span.failed,.span.diverged{fill:var(--c1)}
    .parallel{width:100%;height:auto;max-height:34rem;display:block;touch-action:pan-x}
    .trial{fill:none;stroke-width:1.5;stroke:var(--dim);opacity:.75}
    .trial.stopped{stroke-dasharray:5 3;opacity:.6}
    .trial.failed{stroke:var(--c3);stroke-dasharray:1 3;opacity:.8}
    .trial:hover{stroke-width:4;opacity:1}
    .trial.off{stroke:var(--line)!important;opacity:.18;stroke-width:1}
    .trial-dot{fill:var(--c0);stroke:var(--c0);opacity:.8}
    .trial-dot.stopped,.trial-dot.running{fill:var(--ground);stroke:var(--c4)}
    .trial-dot.best{fill:var(--c1);stroke:var(--text);stroke-width:2;opacity:1}
    .trial-dot.off{opacity:.08}
    .chosen{fill:var(--c1);opacity:0;pointer-events:none}
    .brush.active .chosen{opacity:.25}
    .hit{fill:transparent;cursor:ns-resize;touch-action:none}
    .handle{cursor:ns-resize;touch-action:none}
    .handle path{fill:var(--dim)}
    .handle:focus path,.brush.active .handle path{fill:var(--c1)}
    .state.stopped{color:var(--c4)}.state.failed,.state.diverged{color:var(--c1)}
    button#brush-reset{font:inherit}
    footer{margin-top:2.5rem;border-top:1px solid var(--line);color:var(--dim);font-size:.88rem}
    @media (max-width:40rem){body{padding:0 .6rem 2rem}h1{font-size:1.35rem}th,td{padding:.2rem .35rem}\
    .settings th{white-space:normal}.matrix td{min-width:2.4rem}.mistake-figure{width:7.2rem}\
    svg text{font-size:14px}.meter{width:4rem}}
    @media print{:root{--ground:#fff;--panel:#f5f5f2;--text:#000;--dim:#444;--line:#bbb;--link:#000;--c0:#0072b2;--c1:#d55e00;\
    --c2:#00805d;--c3:#b25b8c;--c4:#b07700;--c5:#2f8fc4;--c6:#5c5c5c;--c7:#000}body{max-width:none;font-size:10pt}\
    nav,.skip,#brush-hint,#brush-reset,.choice,footer{display:none}.tall{max-height:none;overflow:visible}\
    .scroll{overflow:visible}.charts{grid-template-columns:1fr 1fr}figure,tr,.mistake-figure{break-inside:avoid}\
    h2{break-after:avoid}.matrix td,.swatch,.ramp{print-color-adjust:exact;-webkit-print-color-adjust:exact}\
    .parallel{min-width:0!important;max-height:none}details:not([open]){display:none}}
    @media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}

    """
