import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: MaskOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/MaskOptions.md","filePath":"api/fovea/interfaces/MaskOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/MaskOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-maskoptions" tabindex="-1">Interface: MaskOptions <a class="header-anchor" href="#interface-maskoptions" aria-label="Permalink to &quot;Interface: MaskOptions&quot;">​</a></h1><p>Options of a folder of images with masks, besides those of <a href="./ImageFolderOptions">ImageFolderOptions</a>.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./OpenOptions"><code>OpenOptions</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-classnames"></a> <code>classNames?</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">Class names, from value 0 on. Those called void, ignore or unlabeled are ignored. Default: those of the data.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-ignorelabel"></a> <code>ignoreLabel?</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">The value of ignored pixels; null for none. Default 255.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-resize"></a> <code>resize?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Shorter side that images are scaled to before cropping. Default: their own, up to twice the input.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/MaskOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const MaskOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  MaskOptions as default
};
