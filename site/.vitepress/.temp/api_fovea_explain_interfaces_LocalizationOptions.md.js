import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: LocalizationOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/LocalizationOptions.md","filePath":"api/fovea/explain/interfaces/LocalizationOptions.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/LocalizationOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-localizationoptions" tabindex="-1">Interface: LocalizationOptions <a class="header-anchor" href="#interface-localizationoptions" aria-label="Permalink to &quot;Interface: LocalizationOptions&quot;">​</a></h1><p>Options of <a href="./../functions/localization">localization</a>.</p><h2 id="extends" tabindex="-1">Extends <a class="header-anchor" href="#extends" aria-label="Permalink to &quot;Extends&quot;">​</a></h2><ul><li><code>LocateOptions</code></li><li><code>IntervalOptions</code></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th><th style="text-align:left;">Inherited from</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-level"></a> <code>level?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Default 0.95.</td><td style="text-align:left;" data-label="Inherited from"><code>IntervalOptions.level</code></td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-resamples"></a> <code>resamples?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Number of bootstrap resamples. Default 2000.</td><td style="text-align:left;" data-label="Inherited from"><code>IntervalOptions.resamples</code></td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-seed"></a> <code>seed?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Default 0.</td><td style="text-align:left;" data-label="Inherited from"><code>IntervalOptions.seed</code></td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-tolerance"></a> <code>tolerance?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Pointing counts as a hit within this many pixels of the object. Default 0; Zhang et al. use 15 for photographs.</td><td style="text-align:left;" data-label="Inherited from"><code>LocateOptions.tolerance</code></td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/LocalizationOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const LocalizationOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  LocalizationOptions as default
};
