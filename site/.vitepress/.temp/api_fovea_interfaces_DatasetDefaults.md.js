import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: DatasetDefaults","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/DatasetDefaults.md","filePath":"api/fovea/interfaces/DatasetDefaults.md"}');
const _sfc_main = { name: "api/fovea/interfaces/DatasetDefaults.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-datasetdefaults" tabindex="-1">Interface: DatasetDefaults <a class="header-anchor" href="#interface-datasetdefaults" aria-label="Permalink to &quot;Interface: DatasetDefaults&quot;">​</a></h1><p>The data set makers&#39; recommendations, used by default.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-flip"></a> <code>flip?</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Whether a mirrored image keeps its class (digits do not).</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-imagesize"></a> <code>imageSize?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Side of the square network input.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-normalization"></a> <code>normalization?</code></td><td style="text-align:left;" data-label="Type"><a href="./Normalization"><code>Normalization</code></a></td><td style="text-align:left;" data-label="Description">Mean and standard deviation of the channels.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-resize"></a> <code>resize?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Shorter side that images are scaled to before cropping.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/DatasetDefaults.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const DatasetDefaults = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  DatasetDefaults as default
};
