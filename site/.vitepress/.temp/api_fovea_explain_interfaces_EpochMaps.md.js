import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: EpochMaps","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/EpochMaps.md","filePath":"api/fovea/explain/interfaces/EpochMaps.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/EpochMaps.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-epochmaps" tabindex="-1">Interface: EpochMaps <a class="header-anchor" href="#interface-epochmaps" aria-label="Permalink to &quot;Interface: EpochMaps&quot;">​</a></h1><p><code>maps/epoch-N.json</code>: the same few images after an epoch.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-epoch"></a> <code>epoch</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">-</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-format"></a> <code>format</code></td><td style="text-align:left;" data-label="Type"><code>&quot;fovea.maps.1&quot;</code></td><td style="text-align:left;" data-label="Description">-</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-gate"></a> <code>gate</code></td><td style="text-align:left;" data-label="Type"><code>string</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">The name of the gate; null where no module has a spatial one.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-layer"></a> <code>layer</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">The layer of Grad-CAM.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-looks"></a> <code>looks</code></td><td style="text-align:left;" data-label="Type">readonly <a href="./Look"><code>Look</code></a>[]</td><td style="text-align:left;" data-label="Description">One per followed image, in order.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/EpochMaps.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const EpochMaps = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  EpochMaps as default
};
