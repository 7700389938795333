import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: DownloadProgress","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/DownloadProgress.md","filePath":"api/fovea/interfaces/DownloadProgress.md"}');
const _sfc_main = { name: "api/fovea/interfaces/DownloadProgress.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-downloadprogress" tabindex="-1">Interface: DownloadProgress <a class="header-anchor" href="#interface-downloadprogress" aria-label="Permalink to &quot;Interface: DownloadProgress&quot;">​</a></h1><p>Progress of a download.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-received"></a> <code>received</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Bytes received so far.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-total"></a> <code>total</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">Null if the server has not said.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-url"></a> <code>url</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">The address, without its query.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-waiting"></a> <code>waiting</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Whether another process is downloading the same file, and this one waits for it.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/DownloadProgress.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const DownloadProgress = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  DownloadProgress as default
};
