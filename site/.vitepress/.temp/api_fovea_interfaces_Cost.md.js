import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Cost","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Cost.md","filePath":"api/fovea/interfaces/Cost.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Cost.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-cost" tabindex="-1">Interface: Cost <a class="header-anchor" href="#interface-cost" aria-label="Permalink to &quot;Interface: Cost&quot;">​</a></h1><p>Work of a graph. A symbolic batch counts as one image.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-activationbytes"></a> <code>activationBytes</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Bytes of all computed values, in float32.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-layers"></a> <code>layers</code></td><td style="text-align:left;" data-label="Type">readonly <a href="./LayerCost"><code>LayerCost</code></a>[]</td><td style="text-align:left;" data-label="Description">In order of execution.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-macs"></a> <code>macs</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Multiply-accumulates of convolutions and matrix products.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Cost.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Cost = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Cost as default
};
