import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Splits","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Splits.md","filePath":"api/fovea/interfaces/Splits.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Splits.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-splits" tabindex="-1">Interface: Splits <a class="header-anchor" href="#interface-splits" aria-label="Permalink to &quot;Interface: Splits&quot;">​</a></h1><p>A data set, split.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./OpenedDataset"><code>OpenedDataset</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-division"></a> <code>division?</code></td><td style="text-align:left;"><code>string</code></td><td style="text-align:left;">How a folder was split, in words: <code>by folders train, val</code>.</td></tr><tr><td style="text-align:left;"><a id="property-setaside"></a> <code>setAside?</code></td><td style="text-align:left;">{ <code>test?</code>: <code>number</code>; <code>validation?</code>: <code>number</code>; }</td><td style="text-align:left;">The shares set aside by options, if neither folders nor the data define the splits.</td></tr><tr><td style="text-align:left;"><code>setAside.test?</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">-</td></tr><tr><td style="text-align:left;"><code>setAside.validation?</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">-</td></tr><tr><td style="text-align:left;"><a id="property-test"></a> <code>test?</code></td><td style="text-align:left;"><a href="./Dataset"><code>Dataset</code></a></td><td style="text-align:left;">Test images, measured once and used for nothing else, if there are any.</td></tr><tr><td style="text-align:left;"><a id="property-train"></a> <code>train</code></td><td style="text-align:left;"><a href="./Dataset"><code>Dataset</code></a></td><td style="text-align:left;">Training images.</td></tr><tr><td style="text-align:left;"><a id="property-validation"></a> <code>validation</code></td><td style="text-align:left;"><a href="./Dataset"><code>Dataset</code></a></td><td style="text-align:left;">Validation images, which decide which epoch is best.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Splits.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Splits = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Splits as default
};
