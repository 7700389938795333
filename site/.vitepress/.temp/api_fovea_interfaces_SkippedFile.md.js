import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: SkippedFile","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/SkippedFile.md","filePath":"api/fovea/interfaces/SkippedFile.md"}');
const _sfc_main = { name: "api/fovea/interfaces/SkippedFile.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-skippedfile" tabindex="-1">Interface: SkippedFile <a class="header-anchor" href="#interface-skippedfile" aria-label="Permalink to &quot;Interface: SkippedFile&quot;">​</a></h1><p>A file that is not part of the data set, and why.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-file"></a> <code>file</code></td><td style="text-align:left;"><code>string</code></td><td style="text-align:left;">Path of the file.</td></tr><tr><td style="text-align:left;"><a id="property-reason"></a> <code>reason</code></td><td style="text-align:left;"><code>string</code></td><td style="text-align:left;">Why it was skipped, in words.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/SkippedFile.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const SkippedFile = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  SkippedFile as default
};
