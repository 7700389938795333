import { ssrRenderAttrs, ssrRenderAttr } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const _imports_0 = "/assets/attention.Mn7p_Q0v.png";
const __pageData = JSON.parse('{"title":"Fovea","description":"","frontmatter":{},"headers":[],"relativePath":"index.md","filePath":"index.md"}');
const _sfc_main = { name: "index.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="fovea" tabindex="-1">Fovea <a class="header-anchor" href="#fovea" aria-label="Permalink to &quot;Fovea&quot;">​</a></h1><p>Visual attention for convolutional networks, in TypeScript. Train, explain and ship CNNs on ONNX Runtime, in Node and in the browser, without Python.</p><p><img${ssrRenderAttr("src", _imports_0)} alt="Eight generated images, and where the spatial gates of a trained network look in them"></p><p><em>Where the spatial gates of ResNet-20 + CBAM look: bright is open. Gates of early layers close on the object; those of the last layers open on it.</em></p><h2 id="start-here" tabindex="-1">Start here <a class="header-anchor" href="#start-here" aria-label="Permalink to &quot;Start here&quot;">​</a></h2><ul><li><a href="/get-started">Get started in five minutes</a>: install, train a network, look at the result.</li><li><a href="/your-own-photos">Your own photos</a>: from a folder of photos to a model that classifies them.</li><li><a href="/pick-a-module">Pick a module</a>: which attention module for which job, and what it costs.</li><li><a href="/train-well">Train well</a>: recipes, transfer learning, small data sets, and what to do when training diverges.</li></ul><h2 id="go-further" tabindex="-1">Go further <a class="header-anchor" href="#go-further" aria-label="Permalink to &quot;Go further&quot;">​</a></h2><ul><li><a href="/checkpoints">Checkpoints in and out</a>: PyTorch and safetensors in; safetensors, ONNX and transformers.js out.</li><li><a href="/in-the-browser">In the browser</a>: train and run on a web page.</li><li><a href="/adding-a-module">Write a module</a>: add an attention module to the catalogue.</li><li><a href="/rebuild-a-network">Rebuild a network</a>: port a PyTorch network, layer by layer, and load its weights.</li></ul><h2 id="look-up" tabindex="-1">Look up <a class="header-anchor" href="#look-up" aria-label="Permalink to &quot;Look up&quot;">​</a></h2><ul><li><a href="/catalogue">Catalogue</a>: every module with its formula, options, cost, checkpoint keys and a drawing.</li><li><a href="/networks">Networks</a>: every network with parameters and multiply-accumulates, beside the published figures.</li><li><a href="/data">Data</a>, <a href="/limits">limits</a>, <a href="/security">security</a>, <a href="/guarantees">guarantees</a>, <a href="/benchmarks">benchmarks</a>.</li></ul><h2 id="contribute" tabindex="-1">Contribute <a class="header-anchor" href="#contribute" aria-label="Permalink to &quot;Contribute&quot;">​</a></h2><ul><li><a href="/contributing">Contributing</a>: build, test, and what a change needs.</li><li><a href="/architecture">Architecture</a>: where things are and why.</li><li><a href="/lowering">Lowering</a>: how a graph becomes ONNX that runs fast.</li></ul></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("index.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const index = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  index as default
};
