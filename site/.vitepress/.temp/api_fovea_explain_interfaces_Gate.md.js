import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Gate","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/Gate.md","filePath":"api/fovea/explain/interfaces/Gate.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/Gate.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-gate" tabindex="-1">Interface: Gate <a class="header-anchor" href="#interface-gate" aria-label="Permalink to &quot;Interface: Gate&quot;">​</a></h1><p>A gate of an attention module, for one image.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-image"></a> <code>image</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Index of the image.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-kind"></a> <code>kind</code></td><td style="text-align:left;" data-label="Type"><code>&quot;channel&quot;</code> | <code>&quot;spatial&quot;</code> | <code>&quot;strip&quot;</code> | <code>&quot;3-D&quot;</code> | <code>&quot;pairwise&quot;</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">Null if a module of your own does not say.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-map"></a> <code>map</code></td><td style="text-align:left;" data-label="Type"><a href="./../../interfaces/Tensor"><code>Tensor</code></a>&lt;<code>&quot;float64&quot;</code>&gt;</td><td style="text-align:left;" data-label="Description">Without the batch axis: [C,1,1] for a <code>channel</code> gate, [1,H,W] for a <code>spatial</code> one, [n,n] for <code>pairwise</code> relations.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-name"></a> <code>name</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Path of its module and its name there, such as <code>layer1.0.cbam/spatial</code>.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/Gate.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Gate = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Gate as default
};
