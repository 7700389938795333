import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Function: faithfulness()","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/functions/faithfulness.md","filePath":"api/fovea/explain/functions/faithfulness.md"}');
const _sfc_main = { name: "api/fovea/explain/functions/faithfulness.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="function-faithfulness" tabindex="-1">Function: faithfulness() <a class="header-anchor" href="#function-faithfulness" aria-label="Permalink to &quot;Function: faithfulness()&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">function</span><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;"> faithfulness</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">(</span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   logitsOf</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   examples</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   maps</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   options</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">?</span></span>
<span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">)</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">:</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> Promise</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">&lt;</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">FaithfulnessTable</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">&gt;;</span></span></code></pre></div><p>Whether maps show what a network relies on, next to a random map and a blob at the center: deletion, insertion, ROAD, average drop and increase, sparseness (Gini) and complexity (entropy) of every map. For a random map, insertion minus deletion and ROAD are about 0.</p><h2 id="parameters" tabindex="-1">Parameters <a class="header-anchor" href="#parameters" aria-label="Permalink to &quot;Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Parameter</th><th style="text-align:left;">Type</th></tr></thead><tbody><tr><td style="text-align:left;"><code>logitsOf</code></td><td style="text-align:left;"><a href="./../type-aliases/LogitsOf"><code>LogitsOf</code></a></td></tr><tr><td style="text-align:left;"><code>examples</code></td><td style="text-align:left;">readonly <a href="./../interfaces/Example"><code>Example</code></a>[]</td></tr><tr><td style="text-align:left;"><code>maps</code></td><td style="text-align:left;"><a href="./../type-aliases/NamedMaps"><code>NamedMaps</code></a></td></tr><tr><td style="text-align:left;"><code>options?</code></td><td style="text-align:left;"><a href="./../interfaces/FaithfulnessOptions"><code>FaithfulnessOptions</code></a></td></tr></tbody></table><h2 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h2><p><code>Promise</code>&lt;<a href="./../interfaces/FaithfulnessTable"><code>FaithfulnessTable</code></a>&gt;</p><h2 id="throws" tabindex="-1">Throws <a class="header-anchor" href="#throws" aria-label="Permalink to &quot;Throws&quot;">​</a></h2><p>OptionError if a method does not have as many maps as there are examples, or has the name of a control.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/functions/faithfulness.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const faithfulness = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  faithfulness as default
};
