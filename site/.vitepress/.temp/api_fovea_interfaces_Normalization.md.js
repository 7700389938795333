import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Normalization","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Normalization.md","filePath":"api/fovea/interfaces/Normalization.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Normalization.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-normalization" tabindex="-1">Interface: Normalization <a class="header-anchor" href="#interface-normalization" aria-label="Permalink to &quot;Interface: Normalization&quot;">​</a></h1><p>Mean and standard deviation of each channel, for pixel values in 0 … 1.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./Preprocessing"><code>Preprocessing</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-mean"></a> <code>mean</code></td><td style="text-align:left;" data-label="Type">readonly [<code>number</code>, <code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">Subtracted from each channel, of values from 0 to 1.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-std"></a> <code>std</code></td><td style="text-align:left;" data-label="Type">readonly [<code>number</code>, <code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">The divisor of each channel afterwards.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Normalization.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Normalization = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Normalization as default
};
