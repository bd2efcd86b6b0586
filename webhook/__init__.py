"""Admission: what a pod becomes when it joins the mesh. All of it pure, except the HTTPS server."""
