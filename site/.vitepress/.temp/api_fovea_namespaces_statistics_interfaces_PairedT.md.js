import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: PairedT","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/namespaces/statistics/interfaces/PairedT.md","filePath":"api/fovea/namespaces/statistics/interfaces/PairedT.md"}');
const _sfc_main = { name: "api/fovea/namespaces/statistics/interfaces/PairedT.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-pairedt" tabindex="-1">Interface: PairedT <a class="header-anchor" href="#interface-pairedt" aria-label="Permalink to &quot;Interface: PairedT&quot;">​</a></h1><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-interval"></a> <code>interval</code></td><td style="text-align:left;" data-label="Type"><a href="./../type-aliases/Interval"><code>Interval</code></a></td><td style="text-align:left;" data-label="Description">-</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-mean"></a> <code>mean</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Mean of a − b, and its t interval.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-p"></a> <code>p</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Two-sided; 1 where all differences are 0.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-t"></a> <code>t</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">NaN where all differences are 0: there is nothing to test.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/namespaces/statistics/interfaces/PairedT.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const PairedT = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  PairedT as default
};
