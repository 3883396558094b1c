// Starts Swagger UI on the page of the documentation. A file of its own, because the page may run no inline script.
const place = document.getElementById("documentation");
SwaggerUIBundle({
  domNode: place,
  url: place.dataset.description,
  layout: "StandaloneLayout",
  deepLinking: true,
  persistAuthorization: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  plugins: [SwaggerUIBundle.plugins.DownloadUrl],
});
