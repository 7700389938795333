import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Progress","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Progress.md","filePath":"api/fovea/interfaces/Progress.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Progress.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-progress" tabindex="-1">Interface: Progress <a class="header-anchor" href="#interface-progress" aria-label="Permalink to &quot;Interface: Progress&quot;">​</a></h1><p>How far training has come. With the weights and the seed, enough to resume exactly.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-batch"></a> <code>batch</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Batches done in the epoch after those.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-correct"></a> <code>correct</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Correctly classified images of the epoch so far.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-count"></a> <code>count</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Images of the epoch so far.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-epoch"></a> <code>epoch</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Completed epochs.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-history"></a> <code>history</code></td><td style="text-align:left;" data-label="Type">readonly <a href="./EpochRecord"><code>EpochRecord</code></a>[]</td><td style="text-align:left;" data-label="Description">One record per completed epoch.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-losssum"></a> <code>lossSum</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Sums over those batches: loss times images, correct images, images.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Progress.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Progress = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Progress as default
};
