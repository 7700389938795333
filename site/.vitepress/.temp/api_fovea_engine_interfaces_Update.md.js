import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Update","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/interfaces/Update.md","filePath":"api/fovea/engine/interfaces/Update.md"}');
const _sfc_main = { name: "api/fovea/engine/interfaces/Update.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-update" tabindex="-1">Interface: Update <a class="header-anchor" href="#interface-update" aria-label="Permalink to &quot;Interface: Update&quot;">​</a></h1><p>The new value and slots of one parameter.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-slots"></a> <code>slots</code></td><td style="text-align:left;"><code>Readonly</code>&lt;<code>Record</code>&lt;<code>string</code>, <a href="./../../interfaces/Value"><code>Value</code></a>&gt;&gt;</td><td style="text-align:left;">The new slots.</td></tr><tr><td style="text-align:left;"><a id="property-value"></a> <code>value</code></td><td style="text-align:left;"><a href="./../../interfaces/Value"><code>Value</code></a></td><td style="text-align:left;">The new value.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/interfaces/Update.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Update = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Update as default
};
