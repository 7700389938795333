import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ConvOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/nn/namespaces/ops/interfaces/ConvOptions.md","filePath":"api/fovea/nn/namespaces/ops/interfaces/ConvOptions.md"}');
const _sfc_main = { name: "api/fovea/nn/namespaces/ops/interfaces/ConvOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-convoptions" tabindex="-1">Interface: ConvOptions <a class="header-anchor" href="#interface-convoptions" aria-label="Permalink to &quot;Interface: ConvOptions&quot;">​</a></h1><p>Geometry of a convolution: one number for both axes, or [vertical, horizontal].</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./../../../interfaces/Conv2dOptions"><code>Conv2dOptions</code></a></li><li><a href="./ConvTransposeOptions"><code>ConvTransposeOptions</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-dilation"></a> <code>dilation?</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | readonly [<code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">Steps between the elements of a window. Default 1.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-groups"></a> <code>groups?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Groups of channels that do not see each other. Default 1.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-padding"></a> <code>padding?</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | readonly [<code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">Zeros on every side. Default 0.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-stride"></a> <code>stride?</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | readonly [<code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">Steps between windows. Default 1.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/nn/namespaces/ops/interfaces/ConvOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ConvOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ConvOptions as default
};
