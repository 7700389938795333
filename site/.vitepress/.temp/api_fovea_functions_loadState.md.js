import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Function: loadState()","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/functions/loadState.md","filePath":"api/fovea/functions/loadState.md"}');
const _sfc_main = { name: "api/fovea/functions/loadState.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="function-loadstate" tabindex="-1">Function: loadState() <a class="header-anchor" href="#function-loadstate" aria-label="Permalink to &quot;Function: loadState()&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">function</span><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;"> loadState</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">(</span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   model</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   weights</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   options</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">?</span></span>
<span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">)</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">:</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> LoadReport</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">;</span></span></code></pre></div><p>Loads a state dict into a model. A linear layer&#39;s weight may be that of a 1×1 convolution, and vice versa. <code>num_batches_tracked</code>, a counter that nothing depends on, may be missing. Nothing changes unless all keys that are not ignored fit and are finite. Values that the model does not use may be infinite or NaN.</p><h2 id="parameters" tabindex="-1">Parameters <a class="header-anchor" href="#parameters" aria-label="Permalink to &quot;Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Parameter</th><th style="text-align:left;">Type</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Parameter"><code>model</code></td><td style="text-align:left;" data-label="Type"><a href="./../nn/type-aliases/AnyModule"><code>AnyModule</code></a></td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>weights</code></td><td style="text-align:left;" data-label="Type"><code>ReadonlyMap</code>&lt;<code>string</code>, <a href="./../interfaces/Tensor"><code>Tensor</code></a>&lt;keyof <code>Storage</code>&gt;&gt;</td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>options?</code></td><td style="text-align:left;" data-label="Type"><a href="./../interfaces/LoadOptions"><code>LoadOptions</code></a></td></tr></tbody></table><h2 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h2><p><a href="./../interfaces/LoadReport"><code>LoadReport</code></a></p><h2 id="throws" tabindex="-1">Throws <a class="header-anchor" href="#throws" aria-label="Permalink to &quot;Throws&quot;">​</a></h2><p>WeightsError that lists what does not fit.</p><h2 id="throws-1" tabindex="-1">Throws <a class="header-anchor" href="#throws-1" aria-label="Permalink to &quot;Throws&quot;">​</a></h2><p>FoveaError that lists where values are NaN or ±Infinity.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/functions/loadState.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const loadState = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  loadState as default
};
