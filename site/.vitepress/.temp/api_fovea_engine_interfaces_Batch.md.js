import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Batch","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/interfaces/Batch.md","filePath":"api/fovea/engine/interfaces/Batch.md"}');
const _sfc_main = { name: "api/fovea/engine/interfaces/Batch.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-batch" tabindex="-1">Interface: Batch <a class="header-anchor" href="#interface-batch" aria-label="Permalink to &quot;Interface: Batch&quot;">​</a></h1><p>Images ready for a network. The arrays belong to the caller.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-count"></a> <code>count</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Number of images. A partial last batch is padded with its first ones.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-images"></a> <code>images</code></td><td style="text-align:left;" data-label="Type"><code>Float32Array</code></td><td style="text-align:left;" data-label="Description"><code>[batch, 3, S, S]</code></td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-indices"></a> <code>indices</code></td><td style="text-align:left;" data-label="Type"><code>Int32Array</code></td><td style="text-align:left;" data-label="Description"><code>[batch]</code>: positions in the data set.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-labels"></a> <code>labels</code></td><td style="text-align:left;" data-label="Type"><code>Int32Array</code></td><td style="text-align:left;" data-label="Description"><code>[batch]</code></td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-maps"></a> <code>maps?</code></td><td style="text-align:left;" data-label="Type"><code>Uint8Array</code>&lt;<code>ArrayBufferLike</code>&gt;</td><td style="text-align:left;" data-label="Description"><code>[batch, S, S]</code>, if <code>maps</code> is set: the class of every pixel, 255 for ignored ones.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/interfaces/Batch.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Batch = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Batch as default
};
