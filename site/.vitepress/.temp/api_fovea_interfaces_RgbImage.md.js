import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: RgbImage","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/RgbImage.md","filePath":"api/fovea/interfaces/RgbImage.md"}');
const _sfc_main = { name: "api/fovea/interfaces/RgbImage.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-rgbimage" tabindex="-1">Interface: RgbImage <a class="header-anchor" href="#interface-rgbimage" aria-label="Permalink to &quot;Interface: RgbImage&quot;">​</a></h1><p>An image as stored: RGB bytes in three planes, <code>pixels[(channel * height + row) * width + column]</code>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-height"></a> <code>height</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Height in pixels.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-pixels"></a> <code>pixels</code></td><td style="text-align:left;" data-label="Type"><code>Uint8Array</code></td><td style="text-align:left;" data-label="Description">RGB bytes: the red plane, then green, then blue.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-width"></a> <code>width</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Width in pixels.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/RgbImage.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const RgbImage = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  RgbImage as default
};
