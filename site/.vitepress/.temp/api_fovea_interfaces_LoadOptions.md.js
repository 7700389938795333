import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: LoadOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/LoadOptions.md","filePath":"api/fovea/interfaces/LoadOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/LoadOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-loadoptions" tabindex="-1">Interface: LoadOptions <a class="header-anchor" href="#interface-loadoptions" aria-label="Permalink to &quot;Interface: LoadOptions&quot;">​</a></h1><p>Options of <a href="./../functions/loadState">loadState</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-ignore"></a> <code>ignore?</code></td><td style="text-align:left;" data-label="Type">readonly { <code>test</code>(<code>key</code>): <code>boolean</code>; }[]</td><td style="text-align:left;" data-label="Description">Keys, of the model or the weights, that may be missing, unexpected, of another shape or not finite; such parameters keep their values.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-rename"></a> <code>rename?</code></td><td style="text-align:left;" data-label="Type">(<code>key</code>) =&gt; <code>string</code></td><td style="text-align:left;" data-label="Description">Maps a key of the weights to the model&#39;s.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/LoadOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const LoadOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  LoadOptions as default
};
