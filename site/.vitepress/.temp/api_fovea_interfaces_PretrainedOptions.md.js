import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: PretrainedOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/PretrainedOptions.md","filePath":"api/fovea/interfaces/PretrainedOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/PretrainedOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-pretrainedoptions" tabindex="-1">Interface: PretrainedOptions <a class="header-anchor" href="#interface-pretrainedoptions" aria-label="Permalink to &quot;Interface: PretrainedOptions&quot;">​</a></h1><p>Options of <a href="./../functions/loadPretrained">loadPretrained</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-classes"></a> <code>classes?</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">The network&#39;s class names, in the order of its logits: rows of the checkpoint&#39;s classifier are matched by name.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-ignore"></a> <code>ignore?</code></td><td style="text-align:left;" data-label="Type">readonly { <code>test</code>(<code>key</code>): <code>boolean</code>; }[]</td><td style="text-align:left;" data-label="Description">Keys of the network or the checkpoint that may differ.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/PretrainedOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const PretrainedOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  PretrainedOptions as default
};
