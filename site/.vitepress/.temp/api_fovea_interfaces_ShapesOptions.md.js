import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ShapesOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/ShapesOptions.md","filePath":"api/fovea/interfaces/ShapesOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/ShapesOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-shapesoptions" tabindex="-1">Interface: ShapesOptions <a class="header-anchor" href="#interface-shapesoptions" aria-label="Permalink to &quot;Interface: ShapesOptions&quot;">​</a></h1><p>Options of generated images.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-count"></a> <code>count</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Number of images.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-placement"></a> <code>placement?</code></td><td style="text-align:left;" data-label="Type"><code>&quot;centered&quot;</code> | <code>&quot;free&quot;</code></td><td style="text-align:left;" data-label="Description"><code>centered</code>: objects lie inside the image, mostly over its center. <code>free</code>: they are half as large and may be anywhere, even cut off at the border; a map that always points to the center then finds no more of them than a random map does, as measuring maps requires. Default <code>centered</code>.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-seed"></a> <code>seed?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Default 0.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-size"></a> <code>size?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Side in pixels, 16 … 256; default 32, or 64 for <code>free</code>.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-split"></a> <code>split?</code></td><td style="text-align:left;" data-label="Type"><code>&quot;validation&quot;</code> | <code>&quot;train&quot;</code></td><td style="text-align:left;" data-label="Description">The splits share no image. Default <code>train</code>.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/ShapesOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ShapesOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ShapesOptions as default
};
