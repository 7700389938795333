import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: MapGrid","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/MapGrid.md","filePath":"api/fovea/explain/interfaces/MapGrid.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/MapGrid.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-mapgrid" tabindex="-1">Interface: MapGrid <a class="header-anchor" href="#interface-mapgrid" aria-label="Permalink to &quot;Interface: MapGrid&quot;">​</a></h1><p>Images and maps in rows and columns: methods × images × modules.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-cells"></a> <code>cells</code></td><td style="text-align:left;" data-label="Type">readonly (readonly (<a href="./../type-aliases/Cell"><code>Cell</code></a> | <code>null</code>)[])[]</td><td style="text-align:left;" data-label="Description"><code>rows</code> lists of <code>columns</code> cells; null leaves one empty.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-columns"></a> <code>columns</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">Column titles, such as methods.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-rows"></a> <code>rows</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">Row titles, such as images or modules; an empty one takes no space.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-title"></a> <code>title</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Title, which screen readers read first.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/MapGrid.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const MapGrid = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  MapGrid as default
};
