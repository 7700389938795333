import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Scores","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Scores.md","filePath":"api/fovea/interfaces/Scores.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Scores.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-scores" tabindex="-1">Interface: Scores <a class="header-anchor" href="#interface-scores" aria-label="Permalink to &quot;Interface: Scores&quot;">​</a></h1><p>Metrics of every task. <code>top1</code> is the share of correct predictions: of images, or of pixels.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-loss"></a> <code>loss</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Mean cross entropy, in nats.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-miou"></a> <code>miou?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Mean intersection over union of the classes, if the task measures it.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-top1"></a> <code>top1</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Share of correct top predictions.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-top5"></a> <code>top5?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Share with the true class among the top five, if the task measures it.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Scores.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Scores = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Scores as default
};
