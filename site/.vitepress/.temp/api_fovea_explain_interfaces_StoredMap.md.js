import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: StoredMap","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/StoredMap.md","filePath":"api/fovea/explain/interfaces/StoredMap.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/StoredMap.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-storedmap" tabindex="-1">Interface: StoredMap <a class="header-anchor" href="#interface-storedmap" aria-label="Permalink to &quot;Interface: StoredMap&quot;">​</a></h1><p>A map over what the network saw.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-data"></a> <code>data</code></td><td style="text-align:left;">readonly <code>number</code>[]</td></tr><tr><td style="text-align:left;"><a id="property-height"></a> <code>height</code></td><td style="text-align:left;"><code>number</code></td></tr><tr><td style="text-align:left;"><a id="property-width"></a> <code>width</code></td><td style="text-align:left;"><code>number</code></td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/StoredMap.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const StoredMap = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  StoredMap as default
};
