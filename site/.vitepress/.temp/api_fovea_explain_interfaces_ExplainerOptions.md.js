import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ExplainerOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/ExplainerOptions.md","filePath":"api/fovea/explain/interfaces/ExplainerOptions.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/ExplainerOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-explaineroptions" tabindex="-1">Interface: ExplainerOptions <a class="header-anchor" href="#interface-explaineroptions" aria-label="Permalink to &quot;Interface: ExplainerOptions&quot;">​</a></h1><p>Options of <a href="./../functions/openExplainer">openExplainer</a>.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./../../interfaces/ExplainOptions"><code>ExplainOptions</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-engine"></a> <code>engine</code></td><td style="text-align:left;" data-label="Type"><a href="./../../interfaces/Engine"><code>Engine</code></a></td><td style="text-align:left;" data-label="Description">What computes.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-layer"></a> <code>layer?</code></td><td style="text-align:left;" data-label="Type"><code>string</code> | readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">Layers by module path, for methods that explain a layer. Default: the last map before pooling.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-method"></a> <code>method?</code></td><td style="text-align:left;" data-label="Type">| <a href="./../../type-aliases/MethodChoice"><code>MethodChoice</code></a> | readonly <a href="./../../type-aliases/MethodChoice"><code>MethodChoice</code></a>[]</td><td style="text-align:left;" data-label="Description">Methods by name, optionally with options: <code>&quot;gradcam&quot;</code>, <code>[&quot;ig&quot;, { error: 0.001 }]</code>, or a list. Default: <code>&quot;gradcam&quot;</code>.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-score"></a> <code>score?</code></td><td style="text-align:left;" data-label="Type"><code>&quot;probability&quot;</code> | <code>&quot;logit&quot;</code></td><td style="text-align:left;" data-label="Description">What is explained: the class&#39;s logit (default), or its probability.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/ExplainerOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ExplainerOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ExplainerOptions as default
};
