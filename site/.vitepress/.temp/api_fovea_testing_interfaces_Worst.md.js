import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Worst","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/testing/interfaces/Worst.md","filePath":"api/fovea/testing/interfaces/Worst.md"}');
const _sfc_main = { name: "api/fovea/testing/interfaces/Worst.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-worst" tabindex="-1">Interface: Worst <a class="header-anchor" href="#interface-worst" aria-label="Permalink to &quot;Interface: Worst&quot;">​</a></h1><p>The worst array of a check: its error and its tolerance.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-error"></a> <code>error</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Relative error.</td></tr><tr><td style="text-align:left;"><a id="property-tensor"></a> <code>tensor</code></td><td style="text-align:left;"><code>string</code></td><td style="text-align:left;">Which tensor.</td></tr><tr><td style="text-align:left;"><a id="property-tolerance"></a> <code>tolerance</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Largest error allowed.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/testing/interfaces/Worst.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Worst = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Worst as default
};
