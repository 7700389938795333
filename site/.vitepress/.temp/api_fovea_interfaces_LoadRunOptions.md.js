import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: LoadRunOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/LoadRunOptions.md","filePath":"api/fovea/interfaces/LoadRunOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/LoadRunOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-loadrunoptions" tabindex="-1">Interface: LoadRunOptions <a class="header-anchor" href="#interface-loadrunoptions" aria-label="Permalink to &quot;Interface: LoadRunOptions&quot;">​</a></h1><p>Options of <a href="./../functions/loadRun">loadRun</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-weights"></a> <code>weights?</code></td><td style="text-align:left;" data-label="Type">| <code>&quot;last&quot;</code> | <code>&quot;best&quot;</code> | <code>Pick</code>&lt;<a href="./Checkpoint"><code>Checkpoint</code></a>, <code>&quot;metadata&quot;</code> | <code>&quot;tensors&quot;</code>&gt;</td><td style="text-align:left;" data-label="Description">Weights of the best epoch, of the last, or from a checkpoint. Default &quot;best&quot;.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/LoadRunOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const LoadRunOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  LoadRunOptions as default
};
