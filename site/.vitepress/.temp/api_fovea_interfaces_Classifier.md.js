import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Classifier","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Classifier.md","filePath":"api/fovea/interfaces/Classifier.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Classifier.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-classifier" tabindex="-1">Interface: Classifier <a class="header-anchor" href="#interface-classifier" aria-label="Permalink to &quot;Interface: Classifier&quot;">​</a></h1><p>A network ready to classify images.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./TrainedNetwork"><code>TrainedNetwork</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-classes"></a> <code>classes</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[] | <code>null</code></td><td style="text-align:left;" data-label="Description">Class names in the order of the logits; null if unknown.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-model"></a> <code>model</code></td><td style="text-align:left;" data-label="Type"><a href="./Module"><code>Module</code></a></td><td style="text-align:left;" data-label="Description">The network, with weights.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-preprocessing"></a> <code>preprocessing</code></td><td style="text-align:left;" data-label="Type"><a href="./Preprocessing"><code>Preprocessing</code></a></td><td style="text-align:left;" data-label="Description">How images become inputs: as in training.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Classifier.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Classifier = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Classifier as default
};
