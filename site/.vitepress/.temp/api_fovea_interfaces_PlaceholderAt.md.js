import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: PlaceholderAt","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/PlaceholderAt.md","filePath":"api/fovea/interfaces/PlaceholderAt.md"}');
const _sfc_main = { name: "api/fovea/interfaces/PlaceholderAt.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-placeholderat" tabindex="-1">Interface: PlaceholderAt <a class="header-anchor" href="#interface-placeholderat" aria-label="Permalink to &quot;Interface: PlaceholderAt&quot;">​</a></h1><p>An object that was not read.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-type"></a> <code>type</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Its Python type, such as <code>omegaconf.dictconfig.DictConfig</code>.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-where"></a> <code>where</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Its path in the file, joined by dots; empty for the file itself. For several files, it begins with the file&#39;s name.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/PlaceholderAt.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const PlaceholderAt = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  PlaceholderAt as default
};
