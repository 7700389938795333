import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ShardIndex","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/interfaces/ShardIndex.md","filePath":"api/fovea/engine/interfaces/ShardIndex.md"}');
const _sfc_main = { name: "api/fovea/engine/interfaces/ShardIndex.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-shardindex" tabindex="-1">Interface: ShardIndex <a class="header-anchor" href="#interface-shardindex" aria-label="Permalink to &quot;Interface: ShardIndex&quot;">​</a></h1><p>The index of a sharded checkpoint.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-files"></a> <code>files</code></td><td style="text-align:left;" data-label="Type"><code>ReadonlyMap</code>&lt;<code>string</code>, <code>ReadonlySet</code>&lt;<code>string</code>&gt;&gt;</td><td style="text-align:left;" data-label="Description">The keys of the tensors in each file.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-metadata"></a> <code>metadata</code></td><td style="text-align:left;" data-label="Type"><code>Record</code>&lt;<code>string</code>, <code>string</code>&gt;</td><td style="text-align:left;" data-label="Description">Metadata, as text.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/interfaces/ShardIndex.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ShardIndex = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ShardIndex as default
};
