record MountedToken(Path file) {
    HttpRequest.Builder sign(HttpRequest.Builder request) throws IOException {
        String authorization;
        try {
            authorization = Files.readString(file);
        } catch (NoSuchFileException error) { // just being exchanged: there again at once
            authorization = Files.readString(file);
        }
        return request.setHeader("Authorization", authorization.strip());
    }
}
