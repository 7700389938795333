import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: LayerCost","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/LayerCost.md","filePath":"api/fovea/interfaces/LayerCost.md"}');
const _sfc_main = { name: "api/fovea/interfaces/LayerCost.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-layercost" tabindex="-1">Interface: LayerCost <a class="header-anchor" href="#interface-layercost" aria-label="Permalink to &quot;Interface: LayerCost&quot;">​</a></h1><p>The cost of one module, without its children.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-activationbytes"></a> <code>activationBytes</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Bytes of all values it computes, in float32.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-macs"></a> <code>macs</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Multiply-accumulates of convolutions and matrix products.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-scope"></a> <code>scope</code></td><td style="text-align:left;" data-label="Type"><code>Scope</code></td><td style="text-align:left;" data-label="Description">The module.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-shape"></a> <code>shape</code></td><td style="text-align:left;" data-label="Type">readonly (<code>number</code> | <code>&quot;N&quot;</code>)[]</td><td style="text-align:left;" data-label="Description">Shape of the last value it computes.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/LayerCost.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const LayerCost = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  LayerCost as default
};
