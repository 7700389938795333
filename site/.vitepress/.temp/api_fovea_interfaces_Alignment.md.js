import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Alignment","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Alignment.md","filePath":"api/fovea/interfaces/Alignment.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Alignment.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-alignment" tabindex="-1">Interface: Alignment <a class="header-anchor" href="#interface-alignment" aria-label="Permalink to &quot;Interface: Alignment&quot;">​</a></h1><p>A data set relabeled with a model&#39;s classes, and what does not match.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-dataset"></a> <code>dataset</code></td><td style="text-align:left;" data-label="Type"><a href="./Dataset"><code>Dataset</code></a></td><td style="text-align:left;" data-label="Description">Images of classes the model knows. <code>classes</code> are the model&#39;s.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-leftout"></a> <code>leftOut</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Number of images of unknown classes, which are not in <code>dataset</code>.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-missing"></a> <code>missing</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">Classes of the model that the data set lacks.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-unknown"></a> <code>unknown</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">Classes of the data that the model does not know.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Alignment.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Alignment = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Alignment as default
};
